/** Undo of one side effect on the host. */
export type Undo = () => Promise<void> | void;

/**
 * Undo stack (after incus' shared/revert): every side effect registers its undo when it is made; on failure `revert`
 * runs them in reverse order, on success `discard` forgets them.
 */
export class Reverter {
  private readonly undos: { readonly what: string; readonly undo: Undo }[] = [];

  /** Registers how to undo `what`, which has just been done. */
  add(what: string, undo: Undo): void {
    this.undos.push({ what, undo });
  }

  /** Runs every undo, newest first, each one whatever the others did; returns what could not be undone. */
  async revert(): Promise<{ readonly what: string; readonly error: unknown }[]> {
    const failures: { what: string; error: unknown }[] = [];
    for (let entry = this.undos.pop(); entry; entry = this.undos.pop()) {
      try {
        await entry.undo();
      } catch (error) {
        failures.push({ what: entry.what, error });
      }
    }
    return failures;
  }

  discard(): void {
    this.undos.length = 0;
  }
}
