/** Members of a group are placed one after the other, so that each auction sees where those before it go. */
export class GroupTurns {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Does it when everything that was begun before for this group is over, however that ended; at once without a group. */
  async inTurn<Result>(group: string | undefined, action: () => Promise<Result>): Promise<Result> {
    if (group === undefined) return action();
    const before = this.last.get(group);
    const mine = after(before, action);
    this.last.set(group, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(group) === mine) this.last.delete(group);
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
