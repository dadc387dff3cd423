/** One line of /proc/PID/mountinfo. */
export interface MountFacts {
  readonly id: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** What of the file system is mounted; `/` is all of it. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
}

/** The mounts of one mount namespace, from its mountinfo; at most `limit`. */
export function parseMounts(mountinfo: string, limit: number): MountFacts[] {
  const mounts: MountFacts[] = [];
  for (const line of mountinfo.split('\n', limit)) {
    const [before, after] = line.split(' - ', 2);
    const [id, , device, root, point] = (before ?? '').split(' ');
    const type = after?.split(' ')[0];
    if (id && device && root && point && type)
      mounts.push({ id: Number(id), device, root: decodeOctal(root), point: decodeOctal(point), type });
  }
  return mounts;
}

/** mountinfo writes blanks and backslashes as octal. */
function decodeOctal(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
