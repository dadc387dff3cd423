// Puts the command line into one file, and what V8 makes of it into another: to find, read and compile its modules takes longer
// than what most commands do.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { Script } from 'node:vm';
import { rolldown } from 'rolldown';
import { keepCompiled, writeAnew } from '../../dist/cli/compiled.js';

const FILE = resolve('dist/cli/start.cjs');
/** Nobody listens there: a command that fails at its first word to the bus has loaded everything. */
const NO_SERVER = 'nats://127.0.0.1:1';

export async function bundleCommandLine() {
  const bundle = await rolldown({ input: 'dist/cli/start.js', platform: 'node', logLevel: 'warn' });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false, minify: true });
  await bundle.close();
  const source = `(function (exports, require, __filename) {${output[0].code}\n})`;
  writeAnew(FILE, source);
  await compile(source);
}

/** Compiled are the functions that have run, so `ps` runs, as far as it gets without a cluster. */
async function compile(source) {
  const script = new Script(source, { filename: FILE });
  const started = {};
  script.runInThisContext()(started, createRequire(FILE), FILE);
  const terminal = {
    out() {},
    err() {},
    interactive: false,
    columns: () => 80,
    env: { NATS_URL: NO_SERVER },
  };
  await started.run(['ps', '-a'], terminal);
  keepCompiled(FILE, source, script);
}
