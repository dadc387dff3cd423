/** One kind of refusal. `{what}` in the message is filled by whoever refuses. */
export interface RefusalEntry {
  readonly message: string;
  readonly hint: string;
  /** True: --unsafe goes on in spite of it. */
  readonly overridable: boolean;
}

/** @param overridable true: --unsafe goes on in spite of it */
export function entry(message: string, hint: string, overridable = false): RefusalEntry {
  return { message, hint, overridable };
}

export const OVERRIDABLE = true;
