// What tsc does not do: puts programs into few files, and makes the entry points executable.
import { chmodSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { bundleCommandLine } from './command-line.mjs';

// Of builds that split it.
rmSync('dist/cli/chunks', { recursive: true, force: true });
await bundleCommandLine();
await bundlePager();
await bundleAgent();
// They describe what was there before.
for (const file of ['dist/agent/main.js', 'dist/agent/pager/main.js']) rmSync(`${file}.map`, { force: true });
for (const file of ['dist/cli/main.js', 'dist/agent/main.js']) chmodSync(file, 0o755);

/** A container waits for it while it stands still. */
async function bundlePager() {
  const dir = 'dist/agent/pager';
  rmSync(`${dir}/chunks`, { recursive: true, force: true });
  const bundle = await rolldown({ input: `${dir}/main.js`, platform: 'node', logLevel: 'warn' });
  await bundle.write({
    dir,
    format: 'esm',
    entryFileNames: 'main.js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  });
  await bundle.close();
}

/**
 * Loads in half the CPU time, and without what it does not use of its libraries, which is 9 MiB for as long as it runs. Not minified, for the
 * stacks in its log; pino finds its own files beside it.
 */
async function bundleAgent() {
  const file = 'dist/agent/main.js';
  const bundle = await rolldown({ input: file, platform: 'node', external: /^pino$/, logLevel: 'warn' });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  await bundle.close();
}
