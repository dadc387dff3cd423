// What tsc does not do: puts programs that must start quickly into few files, and makes the entry points executable.
import { chmodSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { bundleCommandLine } from './command-line.mjs';

await bundleCommandLine();
await bundlePager();
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
