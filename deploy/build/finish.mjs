// What tsc does not do: puts programs that must start quickly into few files, and makes the entry points executable.
import { chmodSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

// A command is over, and a container waits for its pager, before their modules would have been found one by one: reading
// them takes longer than what they do.
for (const dir of ['dist/cli', 'dist/agent/pager']) {
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

for (const file of ['dist/cli/main.js', 'dist/agent/main.js']) chmodSync(file, 0o755);
