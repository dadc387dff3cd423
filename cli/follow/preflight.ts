import { CATALOGUE } from '../../protocol/errors.ts';
import type { MigrateReply } from '../../protocol/messages/container.ts';
import type { Context } from '../context.ts';
import { formatDocument } from '../output/document.ts';
import { formatBytes, formatMs } from '../output/format.ts';
import { formatFields } from '../output/table.ts';
import { refusalLines } from './refusals.ts';

/**
 * Writes what a dry run found: both ends, the mode and its reason, what is predicted, and every refusal with its cure.
 * The exit code is 8 when something that --unsafe does not skip was refused.
 */
export async function writePreflight(
  context: Context,
  reply: MigrateReply,
  options: { readonly unsafe: boolean },
): Promise<number> {
  context.terminal.out((await formatDocument(reply, context.format)) ?? describe(reply));
  const refusals = reply.preflight?.refusals ?? [];
  const standing = refusals.filter((refusal) => !(refusal.overridable && options.unsafe));
  return standing.length > 0 ? CATALOGUE.PREFLIGHT_REFUSED.exit : 0;
}

function describe(reply: MigrateReply): string {
  const { preflight } = reply;
  if (preflight === undefined) return '';
  const { refusals } = preflight;
  const possible = refusals.length === 0;
  const fields = formatFields([
    ['move', `${reply.container}: ${reply.source} -> ${reply.target}`],
    ['mode', `${reply.mode} (${reply.modeReason})`],
    [reply.source, end(preflight.source)],
    [reply.target, end(preflight.target)],
    ['memory', formatBytes(preflight.memoryBytes)],
    ['downtime', possible ? `about ${formatMs(preflight.predictedDowntimeMs)}` : undefined],
    ['exposure', possible ? `about ${formatMs(preflight.predictedExposureMs)}` : undefined],
    ['verdict', possible ? 'nothing speaks against it' : `${refusals.length} reason(s) against it`],
  ]);
  return fields + refusalLines(refusals);
}

function end(capabilities: NonNullable<MigrateReply['preflight']>['source']): string {
  const { arch, kernel, criu, lxc, cgroup, features } = capabilities;
  const present = Object.entries(features).flatMap(([name, is]) => (is ? [name] : []));
  return `${arch}, kernel ${kernel}, criu ${criu}, lxc ${lxc}, cgroup ${cgroup}, can ${present.join(' ') || 'nothing'}`;
}
