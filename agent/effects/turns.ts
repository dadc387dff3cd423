/** Lets what has a name in common happen one after the other. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Does it when everything that was begun before under this name is over, however that ended; at once without a name. */
  async inTurn<Result>(name: string | undefined, action: () => Promise<Result>): Promise<Result> {
    if (name === undefined) return action();
    const before = this.last.get(name);
    const mine = after(before, action);
    this.last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(name) === mine) this.last.delete(name);
    }
  }
}

async function after<Result>(
  before: Promise<unknown> | undefined,
  action: () => Promise<Result>,
): Promise<Result> {
  await before?.catch(() => undefined);
  return action();
}
