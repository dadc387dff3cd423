import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { RunResult } from '../effects/runner.ts';

/** HOST_FAILED for something the kernel or a tool of the host refused, with its own words. */
export function hostFailed(action: string, cause: unknown): GodwitError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new GodwitError('HOST_FAILED', { action, problem }, cause instanceof Error ? { cause } : undefined);
}

/** What a tool said when it failed: the end of its stderr (else stdout), else how it ended. One line, bounded. */
export function wordsOf(result: RunResult): string {
  if (result.timedOut) return `no end within its deadline (${Math.round(result.durationMs)} ms)`;
  const text = (result.stderr.trim() || result.stdout.trim()).replaceAll(/\s*\n\s*/g, '; ');
  if (text) return text.slice(0, LIMITS.logLineChars);
  return result.signal ? `killed by ${result.signal}` : `exit code ${result.exitCode}`;
}

/** True for an error of node:fs with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && codes.includes(code);
}
