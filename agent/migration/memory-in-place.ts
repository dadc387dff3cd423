import type { Agent } from './agent.ts';

/**
 * Resolves when no move fills in the memory of a container any more that it has brought here: what is missing when a dump looks
 * is missing in the dump, and would be zeros after its restore.
 */
export async function memoryInPlace(agent: Agent, container: string): Promise<void> {
  const moves = [...agent.arriving.values()].filter((move) => move.container === container);
  await Promise.all(moves.map((move) => move.ended));
}
