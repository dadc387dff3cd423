import type { Lab } from '../support/lab.ts';
import { NODES } from './scene.ts';

/** Ports of what can be cut by itself; `all` is everything between nodes and to the client. */
export type Network = 'bus' | 'data' | 'all';
const PORTS = { bus: '4222, 6222, 7422', data: '7433' } as const;
const TABLE = 'chaos_cut';

/** Packets of that network vanish at these nodes, both ways, established connections too. */
export async function cut(lab: Lab, network: Network, nodes: readonly string[]): Promise<void> {
  for (const node of nodes) {
    if (network === 'all') await lab.run(['cut', node]);
    else await lab.sh(node, dropScript(PORTS[network]));
  }
}

/** Everything flows again, everywhere. */
export async function heal(lab: Lab): Promise<void> {
  for (const node of NODES) {
    await lab.run(['heal', node]);
    await lab.sh(node, `nft delete table inet ${TABLE} 2>/dev/null || :`);
  }
}

/** The node's own connections to itself too: its agent reaches its nats-server through them. */
function dropScript(ports: string): string {
  const rules = ['input', 'output'].map(
    (hook) => `chain ${hook} {
      type filter hook ${hook} priority 0
      tcp dport { ${ports} } drop
      tcp sport { ${ports} } drop
    }`,
  );
  return `nft -f - <<'RULES'\ntable inet ${TABLE} {\n${rules.join('\n')}\n}\nRULES`;
}
