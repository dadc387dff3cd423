import { kernelText } from './kernel-text.ts';

/**
 * When a process began, in clock ticks since boot: with its pid it names one process for good, for a pid is used again. Undefined
 * when there is none or only its remains. Field 22 of proc_pid_stat(5); the name in field 2 may have brackets and spaces in it.
 */
export async function birthOf(pid: number): Promise<string | undefined> {
  const stat = statOf(pid);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /^[ZX]$/.test(fields[0] ?? '') ? undefined : fields[19];
}

function statOf(pid: number): string {
  try {
    return kernelText(`/proc/${pid}/stat`);
  } catch {
    return '';
  }
}
