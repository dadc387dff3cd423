// What tsc does not do: puts the command line into few files, and makes the entry points executable.
import { chmodSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

// A command is over before its modules would have been found one by one: reading them takes longer than what they do.
rmSync('dist/cli/chunks', { recursive: true, force: true });
const bundle = await rolldown({ input: 'dist/cli/main.js', platform: 'node', logLevel: 'warn' });
await bundle.write({
  dir: 'dist/cli',
  format: 'esm',
  entryFileNames: 'main.js',
  chunkFileNames: 'chunks/[name]-[hash].js',
});
await bundle.close();

for (const file of ['dist/cli/main.js', 'dist/agent/main.js']) chmodSync(file, 0o755);
