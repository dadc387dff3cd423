/** The time that something may take. */
export interface Allowance {
  /** True when it is up; said once. */
  up(): boolean;
}

/** Fewer samples are better than no report: whoever has enough of them by then stops when the time is up. */
export function allow(minutes: number, say: (line: string) => void): Allowance {
  const endMs = performance.now() + minutes * 60_000;
  let said = false;
  return {
    up() {
      const isUp = performance.now() > endMs;
      if (isUp && !said) say(`${minutes} minutes are up: fewer rounds of this`);
      said ||= isUp;
      return isUp;
    },
  };
}
