import { SMALL_BYTES } from './files.ts';

/** The disk takes what these bring together with one write of its own journal. */
const SMALL_AT_ONCE = 16;

/**
 * Does the work for each file and resolves with the results, small files first: many of those at a time, and beside them the large ones
 * one after the other, each of which keeps the disk and the processors busy by itself.
 */
export async function filesSideBySide<File extends { readonly bytes: number }, Result>(
  files: readonly File[],
  work: (file: File) => Promise<Result>,
): Promise<Result[]> {
  const isSmall = ({ bytes }: File) => bytes <= SMALL_BYTES;
  const [small, large] = await both(
    sideBySide(files.filter(isSmall), SMALL_AT_ONCE, work),
    sideBySide(
      files.filter((file) => !isSmall(file)),
      1,
      work,
    ),
  );
  return [...small, ...large];
}

/** Two things at a time; when both are over it rejects with what went wrong with the first, or else with the second. */
export async function both<One, Other>(first: Promise<One>, second: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/**
 * Does the work for each item, so many at a time, and resolves with the results in the order of the items. After a failure nothing
 * more is begun; it rejects with that once everything that was begun is over.
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const rest = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [at, item] of rest) {
      if (failed) return;
      try {
        results[at] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker);
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return results;
}
