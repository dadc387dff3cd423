/** One line of /proc/PID/mountinfo. */
export interface MountFacts {
  readonly id: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** What of the file system is mounted; `/` is all of it. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  /** The group of mounts that propagate to each other, and the one that it only hears of. */
  readonly shared?: number;
  readonly master?: number;
}

/** The mounts of one mount namespace, from its mountinfo; at most `limit`. */
export function parseMounts(mountinfo: string, limit: number): MountFacts[] {
  const mounts: MountFacts[] = [];
  for (const line of mountinfo.split('\n', limit)) {
    const [before, after] = line.split(' - ', 2);
    const [id, , device, root, point, , ...optional] = (before ?? '').split(' ');
    const type = after?.split(' ')[0];
    if (!id || !device || !root || !point || !type) continue;
    mounts.push({
      id: Number(id),
      device,
      root: decodeOctal(root),
      point: decodeOctal(point),
      type,
      ...groupIn(optional, 'shared'),
      ...groupIn(optional, 'master'),
    });
  }
  return mounts;
}

function groupIn(optional: readonly string[], kind: 'shared' | 'master'): Pick<MountFacts, typeof kind> {
  const found = optional.find((field) => field.startsWith(`${kind}:`));
  return found === undefined ? {} : { [kind]: Number(found.slice(kind.length + 1)) };
}

/** mountinfo writes blanks and backslashes as octal. */
function decodeOctal(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
