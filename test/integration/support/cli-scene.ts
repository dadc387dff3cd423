import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { Job } from '../../../protocol/mod.ts';
import { buildTree } from '../../support/build.ts';
import { container, migrateReply, nodeInfo } from '../../support/messages.ts';
import { type CliResult, type CliRun, runCli, startCli } from './cli.ts';
import { type FakeCluster, fakeCluster } from './fake-cluster.ts';
import { type NatsServer, startNats } from './nats.ts';

/** The built `godwit` in front of a real NATS server, on which a test answers for the agents. */
export interface CliScene {
  readonly server: NatsServer;
  /** A new one for each test. */
  readonly cluster: FakeCluster;
  /** Runs it to its end, with something on its standard input if wanted. */
  run(args: readonly string[], stdin?: string): Promise<CliResult>;
  godwit(...args: readonly string[]): Promise<CliResult>;
  /** Starts it, `more` in its environment. */
  start(args: readonly string[], more?: Record<string, string>): CliRun;
  /** {@link NODES} say what they are and run. */
  answerAll(): Promise<void>;
  /** The owner accepts a move, and the job's events follow at once: some even before the answer arrives. */
  accepting(...states: readonly Job[]): Promise<void>;
}

/** Two nodes with three containers. */
export const NODES = [
  nodeInfo('n2', {
    containers: [container({ name: 'api', owner: 'n2', phase: 'stopped', state: 'stopped' })],
  }),
  nodeInfo('n1', { containers: [container(), container({ name: 'db', job: 'j9' })] }),
];

/** Sets the scene for all tests of a file. */
export function useCli(): CliScene {
  let server: NatsServer;
  let cluster: FakeCluster;
  beforeAll(async () => {
    buildTree();
    server = await startNats();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    cluster = await fakeCluster(server.url);
    return () => cluster[Symbol.asyncDispose]();
  });
  const env = () => ({ NATS_URL: server.url, GODWIT_CLUSTER: 'lab', TZ: 'UTC' });
  return {
    get server() {
      return server;
    },
    get cluster() {
      return cluster;
    },
    run: (args, stdin) => runCli(args, env(), stdin),
    godwit: (...args) => runCli(args, env()),
    start: (args, more) => startCli(args, { ...env(), ...more }),
    answerAll: () => cluster.answer(cluster.subjects.all('info'), ...NODES),
    accepting: (...states) =>
      cluster.answer(cluster.subjects.container('web', 'migrate'), () => {
        for (const state of states)
          void cluster.publishJob(state.state === 'ended' ? 'ended' : 'phase', state);
        return migrateReply();
      }),
  };
}

/** Exactly one message line and at most one hint line, and never a stack. */
export function expectOneLine(result: CliResult, code: number, text: RegExp): void {
  expect(result.stderr).toMatch(/^godwit: [^\n]+\n(hint: [^\n]+\n)?$/);
  expect(result.stderr).toMatch(text);
  expect(result.stdout).toBe('');
  expect(result.code).toBe(code);
}
