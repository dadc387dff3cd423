import { describe, expect, it } from 'vitest';
import { dumpArguments, lazyPagesArguments, pageServerArguments, preDumpArguments } from './arguments.ts';

const paths = { imageDir: '/run/j/images', logFile: '/run/j/source/dump.log' };
const head = ['--images-dir', '/run/j/images', '--log-file', '/run/j/source/dump.log', '--status-fd', '3'];
const toPageServer = ['--page-server', '--address', '127.0.0.1', '--port', '9'];
const dump = { ...paths, plan: { initPid: 7, args: ['-t', '7', '--file-locks'] }, deadlineMs: 1 } as const;

describe('dumpArguments', () => {
  it('passes the plan on and sends the memory to a page-server', () => {
    const transport = { kind: 'page-server', address: '127.0.0.1', port: 9 } as const;
    expect(dumpArguments({ ...dump, transport, hook: '/run/j/source/hook' }, 'nftables')).toEqual([
      'dump',
      ...head,
      '-t',
      '7',
      '--file-locks',
      ...toPageServer,
      '--network-lock',
      'nftables',
      '--action-script',
      '/run/j/source/hook',
    ]);
  });

  it('serves the pages itself in a post-copy, without --page-server', () => {
    const args = dumpArguments({ ...dump, transport: { kind: 'lazy', address: '127.0.0.1', port: 9 } });
    expect(args).toEqual([
      'dump',
      ...head,
      '-t',
      '7',
      '--file-locks',
      '--lazy-pages',
      '--address',
      '127.0.0.1',
      '--port',
      '9',
    ]);
  });

  it('builds on parent images and can leave the tasks running', () => {
    const options = { ...dump, transport: { kind: 'local' }, previous: '../1', leaveRunning: true } as const;
    expect(dumpArguments(options).slice(-4)).toEqual([
      '--track-mem',
      '--prev-images-dir',
      '../1',
      '--leave-running',
    ]);
  });
});

describe('the other processes', () => {
  it('page-server listens on loopback only and knows the parent images', () => {
    expect(pageServerArguments({ ...paths, port: 9, previous: '../1' })).toEqual([
      'page-server',
      ...head,
      '--address',
      '127.0.0.1',
      '--port',
      '9',
      '--prev-images-dir',
      '../1',
      '--auto-dedup',
    ]);
  });

  it('a pre-dump tracks memory, and has a parent from the second on', () => {
    const options = { ...paths, plan: dump.plan, address: '127.0.0.1', port: 9 };
    const first = ['pre-dump', ...head, '-t', '7', '--file-locks', ...toPageServer, '--track-mem'];
    expect(preDumpArguments(options)).toEqual(first);
    expect(preDumpArguments({ ...options, previous: '../1' })).toEqual([
      ...first,
      '--prev-images-dir',
      '../1',
    ]);
  });

  it('lazy-pages is a client of the page server', () => {
    const options = { ...paths, workDir: '/run/j/restore', address: '127.0.0.1', port: 9 };
    expect(lazyPagesArguments(options)).toEqual([
      'lazy-pages',
      ...head,
      '--work-dir',
      '/run/j/restore',
      ...toPageServer,
    ]);
  });
});
