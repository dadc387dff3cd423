import { GodwitError, LIMITS } from '../../../../protocol/mod.ts';

/** LXC_REFUSED, all problems in one. */
export function refused(
  container: string,
  problems: readonly { readonly file: string; readonly line: number; readonly problem: string }[],
): GodwitError {
  const shown = problems.slice(0, LIMITS.domainProblems);
  const problem = shown.map((one) => `${one.file}:${one.line}: ${one.problem}`).join('; ');
  return new GodwitError('LXC_REFUSED', { container, problem, problems: shown });
}
