import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Criu } from '../criu/criu.ts';
import { systemClock as clock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { openDataPort } from '../transfer/mod.ts';
import { FakeDaemon } from '../transfer/pages/testing/fake-criu.ts';
import { PAGES, Scene, type Written } from '../transfer/pages/testing/scene.ts';
import { silentLog } from '../transfer/testing.ts';
import { attachPager, type PagerClient, startPager } from './client.ts';
import { PAGER_FILES, PagerConfig } from './messages.ts';
import { runPager } from './run-pager.ts';

describe('a pager', { timeout: 60_000 }, () => {
  let scene: Scene;
  let dir: string;
  let written: Written;
  /** Stands for criu's daemon: waits at the gate, then for its end. */
  let daemon: ChildProcess;
  let endsWell: boolean;
  let port: number;
  let running: Promise<void>;
  let clients: PagerClient[];

  beforeEach(async () => {
    scene = await Scene.open();
    dir = mkdtempSync(join(tmpdir(), 'godwit-pager-'));
    written = scene.simple(['clean'], false);
    writeFileSync(join(written.final, 'inventory.img'), 'inventory');
    clients = [];
    endsWell = false;
  });

  afterEach(async () => {
    await clients.at(-1)?.stop();
    for (const client of clients) client.detach();
    daemon?.kill('SIGKILL');
    await running;
    await scene.close();
    rmSync(dir, { recursive: true });
  });

  const criu = {
    lazyPages: (options: Parameters<Criu['lazyPages']>[0]) => {
      port = options.port;
      daemon = spawn('sh', [
        '-c',
        'cat "$0" >/dev/null; exec sleep 600',
        join(options.imageDir, 'inventory.img'),
      ]);
      const ended = once(daemon, 'exit').then(([exitCode, signal]) => {
        return {
          exitCode: endsWell ? 0 : exitCode,
          signal,
          stdout: '',
          stderr: '',
          timedOut: false,
          durationMs: 0,
        };
      });
      return {
        pid: daemon.pid!,
        ready: Promise.resolve(),
        ended,
        kill: (signal: NodeJS.Signals) => daemon.kill(signal),
      };
    },
    explain: async () => ({ lines: [], cure: '' }),
  } as unknown as Criu;

  async function start(pages: Partial<PagerConfig['pages']> | 'none' = {}): Promise<PagerClient> {
    const config: PagerConfig = {
      job: 'job',
      dir,
      gate: join(written.final, '..', 'gate'),
      rounds: [...written.rounds],
      wire: 32,
      ...(pages === 'none' ? {} : { pages: { host: '127.0.0.1', port: 1, token: 'token', ...pages } }),
      deadlineMs: 60_000,
    };
    const launch = (file: string) => {
      running = runPager(PagerConfig.parse(JSON.parse(readFileSync(file, 'utf8'))), {
        runner: createRunner(),
        criu,
        clock,
        log: silentLog,
      });
      return running;
    };
    clients.push(await startPager(launch, config, clock));
    return clients.at(-1)!;
  }

  /** A pager that has found no key in common with its source. */
  async function keyless(source: { readonly port: number }): Promise<PagerClient> {
    written = scene.simple(['dirty'], true, 'remote');
    writeFileSync(join(written.final, 'inventory.img'), 'inventory');
    const agent = await start({ port: source.port, encrypt: true });
    const strange = new Promise<void>((resolve) => {
      agent.onKeyless = resolve;
    });
    await agent.begin(written.final);
    await strange;
    return agent;
  }

  async function openPort() {
    const port = await openDataPort({ host: '127.0.0.1', port: 0, clock, log: silentLog, encrypt: true });
    return Object.assign(port, { [Symbol.asyncDispose]: () => port.close() });
  }

  async function attach(): Promise<PagerClient> {
    clients.push(await attachPager(dir, clock));
    return clients.at(-1)!;
  }

  it('goes on when its agent goes, and tells the next one how far it is', async () => {
    const first = await start();
    await first.begin(written.final);
    first.detach();
    const second = await attach();
    await Promise.all([second.ready, second.started]);
    const criuSide = new FakeDaemon(port, 32);
    await criuSide.fetchAll([[11, 0x7f00, PAGES]], 1, () => {});
    await criuSide.close();
    endsWell = true;
    daemon.kill();
    await Promise.all([second.received, second.filled]);
    second.detach();
    await (await attach()).filled;
  });

  it('needs no source where all pages are here, and says so at once', async () => {
    const agent = await start('none');
    await agent.begin(written.final);
    await agent.received;
    const criuSide = new FakeDaemon(port, 32);
    const seen: number[] = [];
    await criuSide.fetchAll([[11, 0x7f00, PAGES]], 1, (_pid, page) => seen.push(page));
    await criuSide.close();
    expect(seen).toHaveLength(PAGES);
    endsWell = true;
    daemon.kill();
    await agent.filled;
  });

  it('fails at once without a source when a page is not here', async () => {
    written = scene.simple(['dirty'], true, 'remote');
    writeFileSync(join(written.final, 'inventory.img'), 'inventory');
    const agent = await start('none');
    await expect(agent.begin(written.final)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
  });

  it('freezes the container before it says that criu has died', async () => {
    const agent = await start();
    const cgroup = join(dir, 'cgroup');
    mkdirSync(cgroup);
    writeFileSync(join(cgroup, 'freezer.state'), 'THAWED');
    agent.guard({ version: 'v1', dirs: { freezer: cgroup } });
    await agent.begin(written.final);
    process.kill(daemon.pid!, 'SIGKILL');
    await expect(agent.filled).rejects.toMatchObject({ code: 'RESTORE_FAILED' });
    expect(readFileSync(join(cgroup, 'freezer.state'), 'utf8')).toBe('FROZEN');
    await expect((await attach()).received).rejects.toMatchObject({ code: 'RESTORE_FAILED' });
  });

  it('tells that the source has no key in common, and is lost only when its agent says so', async () => {
    // It was started anew, and has never heard of the job.
    await using source = await openPort();
    const agent = await keyless(source);
    expect(agent.keyless).toBe(true);
    agent.gone();
    await expect(agent.filled).rejects.toMatchObject({ code: 'TRANSFER_FAILED', details: { gone: true } });
    expect(agent.keyless).toBe(false);
  });

  it('finds its key again when the source had only not come as far', async () => {
    await using source = await openPort();
    const agent = await keyless(source);
    source.permit('job', 'token');
    await expect.poll(() => agent.keyless, { timeout: 10_000 }).toBe(false);
    const stillThere = await Promise.race([agent.filled.catch(() => 'failed'), clock.sleep(50)]);
    expect(stillThere).toBeUndefined();
  });

  it('ends with all it has started when it is told to, and is missed then', async () => {
    const agent = await start();
    await agent.stop();
    await running;
    expect(daemon.exitCode ?? daemon.signalCode).not.toBeNull();
    await expect(agent.filled).rejects.toMatchObject({ code: 'RESTORE_FAILED' });
    await expect(attachPager(dir, clock)).rejects.toThrow(/the pager is gone/);
  });

  it('keeps what it is told for root alone', async () => {
    await start();
    const { mode } = statSync(join(dir, PAGER_FILES.config));
    expect(mode & 0o77).toBe(0);
    expect(existsSync(join(dir, PAGER_FILES.socket))).toBe(true);
  });

  it('takes anything from whoever connects: another one finds it as it was', async () => {
    await start();
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('{"do":"guard"}'),
      fc.constant('{"do":"begin"}'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
        const socket = connect(join(dir, PAGER_FILES.socket));
        socket.on('error', () => {}).resume();
        await once(socket, 'connect');
        socket.end(`${lines.join('\n')}\n`);
        await once(socket, 'close');
      }),
      { numRuns: 50 },
    );
    await (await attach()).ready;
  });
});
