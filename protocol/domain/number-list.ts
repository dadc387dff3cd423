import { type Problems, quote } from './problems.ts';

const PART = /^(?:\^(\d{1,6})|(\d{1,6})(?:-(\d{1,6}))?)$/;

/**
 * Processors or NUMA nodes as libvirt lists them (`0-3,^2,8`), in the one spelling that cgroups use (`0-1,3,8`). An
 * exclusion takes away what stands before it, as in libvirt.
 */
export function readNumberList(
  raw: string,
  what: string,
  below: number,
  at: number,
  problems: Problems,
): string {
  const chosen = new Set<number>();
  for (const part of raw.split(',')) {
    const [all, without, first, last = first] = PART.exec(part.trim()) ?? [];
    const [from, to] = without === undefined ? [Number(first), Number(last)] : [0, Number(without)];
    if (all === undefined || from > to || to >= below) {
      problems.refuse(
        at,
        `${what} ${quote(raw)} is not a list such as 0-3,^2,8 of numbers below ${below} (at ${quote(part)})`,
      );
      return '0';
    }
    if (without !== undefined) chosen.delete(to);
    else for (let number = from; number <= to; number++) chosen.add(number);
  }
  if (chosen.size === 0) problems.refuse(at, `${what} ${quote(raw)} is empty`);
  return formatNumbers([...chosen]);
}

/** The numbers that a canonical list stands for. */
export function numbersOf(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Numbers as ranges in rising order. */
export function formatNumbers(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range && number <= range[1] + 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
