import { GodwitError } from '../../protocol/mod.ts';
import { ACTIONS, type FaultAction, type FaultPoint, POINTS } from './points.ts';

/** The environment variable that asks for faults: `POINT:ACTION`, several with commas. */
export const FAULT_VARIABLE = 'GODWIT_FAULT';

/** Something that is made to fail, once. */
export interface Fault {
  readonly point: FaultPoint;
  readonly action: FaultAction;
  /** How long, for an action that ends by itself. */
  readonly seconds: number;
}

const SECONDS = { usual: 5, most: 600 };

/** Reads the variable's text; nothing is asked for without it. @throws GodwitError CONFIG_INVALID */
export function parseFaults(text: string | undefined): readonly Fault[] {
  if (text === undefined || text.trim() === '') return [];
  return text.split(',').map((part) => parseFault(part.trim()));
}

function parseFault(text: string): Fault {
  const [, point = '', action = '', seconds] = /^([^:]*):([^:=]*)(?:=(\d{1,3}))?$/.exec(text) ?? [];
  if (!isKey(POINTS, point)) throw refused(`'${text}': '${point}' is no fault point`, Object.keys(POINTS));
  if (!isKey(ACTIONS, action)) throw refused(`'${text}': '${action}' is no action`, Object.keys(ACTIONS));
  if (seconds !== undefined && action !== 'lose-bus')
    throw refused(`'${text}': only lose-bus takes seconds`, []);
  return { point, action, seconds: Math.min(Number(seconds ?? SECONDS.usual), SECONDS.most) };
}

function refused(problem: string, known: readonly string[]): GodwitError {
  const choice = known.length > 0 ? `; known: ${known.join(' ')}` : '';
  return new GodwitError('CONFIG_INVALID', { file: FAULT_VARIABLE, problem: problem + choice });
}

function isKey<Table extends object>(table: Table, key: string): key is keyof Table & string {
  return Object.hasOwn(table, key);
}
