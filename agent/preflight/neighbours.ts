import { z } from 'zod';
import type { Runner } from '../effects/runner.ts';
import type { AddressClaim } from './facts.ts';

const CHILD_MS = 1_000;
/** An answer on the own link comes within a millisecond; longer only when nobody answers, which is fine, too. */
const ASK_MS = 250;

const Neighbours = z.array(z.object({ dst: z.string(), lladdr: z.string().optional() }));

/**
 * Who answers for these addresses on the links of this node. Each is pinged once, so that the kernel resolves it now
 * instead of remembering an old answer; what the kernel then holds in its neighbour tables counts.
 */
export async function neighbourClaims(
  runner: Runner,
  addresses: readonly string[],
  askMs = ASK_MS,
): Promise<AddressClaim[]> {
  if (addresses.length === 0) return [];
  await Promise.all(
    addresses.map(async (address) => {
      // What is remembered of it would be pinged instead: after a restore, the container's own interface.
      await runner.run({ file: 'ip', args: ['neigh', 'flush', 'to', address], deadlineMs: CHILD_MS });
      // Its own clock begins when it has asked: on a busy machine it would be ended before that.
      const args = ['-n', '-q', '-c', '1', '-W', String(askMs / 1_000), address];
      await runner.run({ file: 'ping', args, deadlineMs: CHILD_MS });
    }),
  );
  const result = await runner.run({ file: 'ip', args: ['-j', 'neigh', 'show'], deadlineMs: CHILD_MS });
  return parseNeighbours(result.exitCode === 0 ? result.stdout : '').filter((claim) =>
    claim.addresses.some((address) => addresses.includes(address)),
  );
}

/** The entries of `ip -j neigh` that have an answer. */
export function parseNeighbours(output: string): AddressClaim[] {
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    return [];
  }
  const parsed = Neighbours.safeParse(json);
  return (parsed.data ?? []).flatMap(({ dst, lladdr }) =>
    lladdr === undefined
      ? []
      : [{ holder: `neighbour ${lladdr}`, local: false, addresses: [dst], macs: [lladdr] }],
  );
}
