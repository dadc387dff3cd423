import { expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import { isSymptom, tellsOfTheRestore } from './symptom.ts';

it('tells causes from what the other side feels of them', () => {
  const codes = ['TRANSFER_FAILED', 'MOVE_ABORTED', 'RESTORE_FAILED', 'DUMP_FAILED'] as const;
  const symptoms = codes.map((code) => isSymptom(new GodwitError(code).toWire()));
  expect(symptoms).toEqual([true, true, false, false]);
});

it('knows the words of a daemon whose restore has gone', () => {
  const said = (line: string) =>
    new GodwitError('RESTORE_FAILED', { target: 'n2', problem: `criu lazy-pages ended with 1: ${line}` });
  expect(tellsOfTheRestore(said('Error (criu/uffd.c:749): uffd: PID recv: short read'))).toBe(true);
  expect(tellsOfTheRestore(said('Error (criu/uffd.c:1300): uffd: No lazy-pages socket'))).toBe(false);
});
