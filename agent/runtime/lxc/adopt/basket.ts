import type { Setting } from './read.ts';
import { refused } from './refused.ts';

/**
 * The settings of a configuration, each to be taken once by whoever understands it. What nobody took is refused by name
 * and place in the end, together with what was taken and found wrong.
 */
export class Basket {
  private readonly left: Set<Setting>;
  private readonly wrong: { readonly setting: Setting; readonly problem: string }[] = [];

  constructor(settings: readonly Setting[]) {
    this.left = new Set(settings);
  }

  /** Takes every setting of these keys, in order. */
  all(...keys: readonly string[]): Setting[] {
    return this.matching(({ key }) => keys.includes(key));
  }

  /** Takes the settings of a key, of which the last counts; its value. */
  last(key: string): string | undefined {
    return this.all(key).at(-1)?.value;
  }

  matching(test: (setting: Setting) => boolean): Setting[] {
    const taken = [...this.left].filter(test);
    for (const setting of taken) this.left.delete(setting);
    return taken;
  }

  refuse(setting: Setting, problem: string): void {
    this.wrong.push({ setting, problem });
  }

  /** @throws GodwitError LXC_REFUSED naming every setting that is left, or wrong */
  finish(container: string): void {
    const unknown = [...this.left].map((setting) => ({
      setting,
      problem: 'it would not come through a move',
    }));
    const problems = [...this.wrong, ...unknown].map(({ setting, problem }) => ({
      file: setting.file,
      line: setting.line,
      problem: `${setting.key} = ${setting.value.slice(0, 80)}: ${problem}`,
    }));
    if (problems.length > 0) throw refused(container, problems);
  }
}
