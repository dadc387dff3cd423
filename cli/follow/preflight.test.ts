import { describe, expect, it } from 'vitest';
import { migrateReply, preflight } from '../../test/support/messages.ts';
import { recordedTerminal } from '../../test/support/terminal.ts';
import { createContext } from '../context.ts';
import { writePreflight } from './preflight.ts';

const REFUSALS = [
  { code: 'BRIDGE_MISSING', message: 'no br0', hint: 'create br0', node: 'n2', overridable: false },
  { code: 'CLOCK_SKEW', message: '4 s apart', hint: 'run ntp', node: 'n2', overridable: true },
];

async function written(refusals: typeof REFUSALS, unsafe = false) {
  const terminal = recordedTerminal();
  const reply = migrateReply({ preflight: preflight({ refusals }) });
  const code = await writePreflight(createContext(terminal, {}), reply, { unsafe });
  return { code, out: terminal.stdout() };
}

describe('writePreflight', () => {
  it('shows both ends, the mode with its reason and the predicted downtime', async () => {
    const { code, out } = await written([]);
    expect(code).toBe(0);
    expect(out).toContain('move:     web: n1 -> n2\n');
    expect(out).toContain('mode:     postcopy (lowest predicted downtime)\n');
    expect(out).toMatch(/n1: +x86_64, kernel 6\.18\.1, criu 4\.2\.1, .*can uffd-noncoop\n/);
    expect(out).toMatch(/n2: +.*criu 4\.2\.0/);
    expect(out).toContain('downtime: about 240 ms\n');
  });

  it('lists all refusals with code, message and cure, and exits 8', async () => {
    const { code, out } = await written(REFUSALS);
    expect(code).toBe(8);
    expect(out).toContain('  - n2: BRIDGE_MISSING: no br0\n      cure: create br0\n');
    expect(out).toContain('  - n2: CLOCK_SKEW: 4 s apart (--unsafe skips this)\n');
  });

  it('lets --unsafe pass the overridable ones only', async () => {
    expect((await written(REFUSALS.slice(1), true)).code).toBe(0);
    expect((await written(REFUSALS, true)).code).toBe(8);
  });
});
