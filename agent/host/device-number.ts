/** `major:minor` of a device node, as the C library splits its number. @param rdev of its status */
export function deviceNumber(rdev: number): string {
  const major = ((rdev / 0x100) & 0xfff) + (Math.floor(rdev / 0x100000000) & 0xfffff000);
  const minor = (rdev & 0xff) + (Math.floor(rdev / 0x1000) & 0xffffff00);
  return `${major}:${minor}`;
}
