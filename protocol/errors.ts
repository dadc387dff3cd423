import { CATALOGUE } from './error-catalogue.ts';

export { CATALOGUE, type CatalogueEntry } from './error-catalogue.ts';

export type ErrorCode = keyof typeof CATALOGUE;
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An error as it travels: the body of a refused request, the `error` of a job record. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: ErrorDetails;
}

/** The one error class of godwit; its code is public API, its text is not. */
export class GodwitError extends Error {
  override readonly name = 'GodwitError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(fill(CATALOGUE[code].message, details), options);
    this.code = code;
    this.details = details;
  }

  get hint(): string {
    return fill(CATALOGUE[this.code].hint, this.details).trim();
  }

  get exitCode(): number {
    return CATALOGUE[this.code].exit;
  }

  get status(): number {
    return CATALOGUE[this.code].status;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }
}

/** Any thrown value as a GodwitError; what is not one already becomes INTERNAL, with its cause kept. */
export function toGodwitError(error: unknown): GodwitError {
  if (error instanceof GodwitError) return error;
  const problem = error instanceof Error ? error.message : String(error);
  return new GodwitError('INTERNAL', { problem }, { cause: error });
}

/** An error received from the bus. A code this version does not know becomes INTERNAL with the sender's text. */
export function fromWire(wire: {
  code: string;
  message: string;
  hint?: string;
  details?: ErrorDetails;
}): GodwitError {
  if (Object.hasOwn(CATALOGUE, wire.code)) return new GodwitError(wire.code as ErrorCode, wire.details ?? {});
  return new GodwitError('INTERNAL', { problem: `${wire.code}: ${wire.message}` });
}

function fill(template: string, details: ErrorDetails): string {
  return template.replaceAll(/\{(\w+)\}/g, (_all, key: string) => {
    const value = details[key];
    return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  });
}
