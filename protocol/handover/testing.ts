import { GodwitError } from '../errors.ts';
import type { Move } from './words.ts';

/** The move that tests of the cores are about: cold, from n1 to n2. */
export const MOVE: Move = {
  job: 'j',
  container: 'web',
  source: 'n1',
  target: 'n2',
  epoch: 4,
  revision: 7,
  pagesFollow: false,
};

/** Something that goes wrong in it. */
export const ERROR = new GodwitError('RESTORE_FAILED', { target: 'n2', problem: 'no bridge' }).toWire();
