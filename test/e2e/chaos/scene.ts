import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkout } from '../support/checkout.ts';
import { type Cluster, joinCluster, startLab } from '../support/cluster.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { Memory } from '../support/memory.ts';
import { noLabTraces } from '../support/traces.ts';
import { until } from '../support/until.ts';
import { logFile, markLog } from './agents.ts';
import { type Watch, watchNodes } from './both-nodes.ts';
import { startBystander, startTraveller } from './containers.ts';
import { type LeaseService, startLeaseService } from './lease-service.ts';
import { leftoversOf } from './leftovers.ts';

export const NODES = ['n1', 'n2', 'n3'] as const;
export type NodeName = (typeof NODES)[number];

/** The container that moves. */
export const TRAVELLER = 'traveller';
const ADDRESS = '10.77.1.60';
/** A lease is in use when it was renewed within this time. */
const FRESH_MS = 1_000;
/** How long a node is without power. */
const DARK_MS = 2_000;
const READY_MS = 90_000;

/** The container on `node` that stays. */
export const bystander = (node: string) => `stays-${node}`;

/** A lab, what runs in it, and the judges outside; a scene that was spoilt is built anew. */
export class Scene {
  readonly lab: Lab;
  readonly cluster: Cluster;
  private built: { readonly leases: LeaseService; readonly watch: Watch; memory: Memory } | undefined;
  private spoilt = true;
  /** Nodes that lost their power in this lab. */
  private readonly darkened = new Set<string>();

  constructor(instance: string) {
    this.lab = createLab(instance);
    this.cluster = joinCluster(this.lab);
  }

  get leases(): LeaseService {
    return this.parts.leases;
  }

  get watch(): Watch {
    return this.parts.watch;
  }

  get memory(): Memory {
    return this.parts.memory;
  }

  /** Everything up, the traveller running and whole. */
  async ready(): Promise<void> {
    if (!this.spoilt) return;
    await this.down();
    await startLab(this.lab, { nodes: NODES.length });
    const leases = await startLeaseService(this.cluster);
    await Promise.all(
      NODES.map((node, index) =>
        startBystander(this.cluster, node, { name: bystander(node), address: `10.77.1.${61 + index}` }),
      ),
    );
    const memory = await startTraveller(this.cluster, 'n1', { name: TRAVELLER, address: ADDRESS });
    const watch = watchNodes(this.lab.instance, NODES, TRAVELLER);
    this.built = { leases, watch, memory };
    await until('all leases are held', 20_000, async () => {
      const held = await Promise.all([TRAVELLER, ...NODES.map(bystander)].map((name) => this.renewed(name)));
      return held.every(Boolean);
    });
    this.spoilt = false;
  }

  /** The next case gets a new lab. */
  spoil(): void {
    this.spoilt = true;
  }

  /** Keeps the agents' logs of a case that failed, before its lab goes. */
  async keepLogs(name: string): Promise<void> {
    const dir = join(checkout, 'dist/test-results/chaos');
    await mkdir(dir, { recursive: true });
    for (const node of NODES) {
      const agent = logFile(this.lab, node);
      const nats = join(dirname(agent), '../lib/godwit/nats/server.log');
      const to = join(dir, `${name.replaceAll(/[^\w.-]/g, '_')}.${node}`);
      await copyFile(agent, `${to}.log`).catch(() => {});
      await copyFile(nats, `${to}.nats.log`).catch(() => {});
    }
  }

  /** Whether somebody holds the lease right now. */
  async renewed(lease: string, sinceMs = 0): Promise<boolean> {
    const { atMs = 0 } = await this.leases.get(lease);
    return atMs > Math.max(sinceMs, Date.now() - FRESH_MS);
  }

  /** What lies about on all nodes while the traveller is at `owner`. A node that lost its power has no bystander any more. */
  async leftovers(owner: string, stopped: boolean): Promise<string[]> {
    const left = NODES.map((node) => {
      const stays = this.darkened.has(node) ? [] : [bystander(node)];
      const here = node === owner ? [TRAVELLER] : [];
      const defined = this.darkened.has(node) ? [bystander(node)] : [];
      return stopped
        ? leftoversOf(this.cluster, node, { running: stays, stopped: [...here, ...defined] })
        : leftoversOf(this.cluster, node, { running: [...stays, ...here], stopped: defined });
    });
    return (await Promise.all(left)).flat();
  }

  /** From here on the nodes take encrypted data connections only. */
  async encrypt(): Promise<void> {
    for (const node of NODES) {
      await this.lab.sh(node, "sed -i '/^port = 7433/a encrypt = true' /etc/godwit/agent.toml");
      const mark = markLog(this.lab, node);
      await this.must('agent', node, 'restart');
      await until(`the agent of ${node} is back`, READY_MS, () => mark.has('ready'));
    }
  }

  /** Cuts the power of nodes, does something in the dark, and gives it back; resolves when their agents are ready. */
  async powerCycle(nodes: readonly string[], inTheDark: () => Promise<void> = async () => {}): Promise<void> {
    for (const node of nodes) {
      this.darkened.add(node);
      await this.must('power-off', node);
    }
    await inTheDark();
    await sleep(DARK_MS);
    const marks = nodes.map((node) => markLog(this.lab, node));
    for (const node of nodes) await this.must('power-on', node);
    for (const [index, node] of nodes.entries())
      await until(`the agent of ${node} is back`, READY_MS, () => marks[index]?.has('ready') ?? false);
  }

  /** A verb of the lab that has to work. */
  async must(...args: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.lab.run(args);
    if (exitCode !== 0) throw new Error(`lab ${args.join(' ')}: ${stderr}`);
  }

  async down(): Promise<void> {
    this.built?.watch.stop();
    await this.built?.memory.close();
    await this.built?.leases.close();
    this.built = undefined;
    this.spoilt = true;
    this.darkened.clear();
    await this.must('down');
    await noLabTraces(this.lab.instance);
  }

  private get parts() {
    if (!this.built) throw new Error('the scene is not built');
    return this.built;
  }
}
