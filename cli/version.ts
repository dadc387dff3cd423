import { readFileSync } from 'node:fs';

/** The version of this package, from its package.json: one folder up when run from source, two in the built tree, three where it is bundled. */
export function packageVersion(): string {
  for (const place of ['../package.json', '../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
      if (name === 'godwit' && typeof version === 'string') return version;
    } catch {
      // Not here: another place has it.
    }
  }
  return 'unknown';
}
