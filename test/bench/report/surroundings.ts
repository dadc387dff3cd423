import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../../e2e/support/checkout.ts';
import type { BenchDocument } from '../document.ts';

/** Where and with what it is measured. */
export async function surroundings(): Promise<Pick<BenchDocument, 'machine' | 'versions'>> {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  const commit = await execa('git', ['-C', checkout, 'describe', '--always', '--dirty'], { reject: false });
  return {
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryBytes: totalmem(),
      kernel: release(),
      loadAtStart: loadavg()[0],
    },
    versions: { godwit: version, commit: commit.stdout, node: process.version },
  };
}
