import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;
/** Vitest's own second is too short for a machine that just has other work. */
const expect = { poll: { timeout: 20_000 } };

export default defineConfig({
  root,
  test: {
    restoreMocks: true,
    projects: [
      {
        root,
        test: {
          name: 'unit',
          expect,
          // Property tests take seconds on a busy machine; a hanging test still ends.
          testTimeout: 60_000,
          include: [
            'protocol/**/*.test.ts',
            'agent/**/*.test.ts',
            'cli/**/*.test.ts',
            'test/unit/**/*.test.ts',
          ],
        },
      },
      {
        root,
        test: {
          name: 'integration',
          expect,
          include: ['test/integration/**/*.test.ts'],
          // For what hangs: some take half a minute where nothing else is to do.
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // Its tests mostly wait, for time-outs and servers: more of them than there are cores.
          maxWorkers: 4,
        },
      },
      {
        root,
        test: { name: 'simulation', expect, include: ['test/simulation/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        root,
        test: {
          name: 'e2e',
          expect,
          include: ['test/e2e/**/*.test.ts'],
          // Its image takes minutes to build: GODWIT_POSTGRES=8 (pgbench's scale) makes it part of the layer.
          exclude: process.env.GODWIT_POSTGRES ? [] : ['test/e2e/postgres.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        root,
        test: {
          name: 'vm',
          expect,
          // These once more on the guest's cgroup v2.
          include: ['test/vm/*.test.ts', 'test/e2e/{settings,vfork}.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        root,
        test: {
          name: 'machines',
          expect,
          include: ['test/vm/machines/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
