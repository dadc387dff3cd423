import { both } from '../../effects/both.ts';
import { SMALL_BYTES } from './files.ts';

/** The disk takes what these bring together with one write of its own journal. */
const SMALL_AT_ONCE = 16;

/**
 * Does the work for each file and resolves with the results, small files first: many of those at a time, and beside them the large ones
 * one after the other, each of which keeps the disk and the processors busy by itself. After a failure nothing more is begun, and the
 * signal that each work is given tells what is under way.
 */
export async function filesSideBySide<File extends { readonly bytes: number }, Result>(
  files: readonly File[],
  signal: AbortSignal,
  work: (file: File, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const isSmall = ({ bytes }: File) => bytes <= SMALL_BYTES;
  const group = (of: readonly File[], atOnce: number) => (either: AbortSignal) =>
    sideBySide(of, atOnce, (file) => {
      either.throwIfAborted();
      return work(file, either);
    });
  const [small, large] = await together(
    signal,
    group(files.filter(isSmall), SMALL_AT_ONCE),
    group(
      files.filter((file) => !isSmall(file)),
      1,
    ),
  );
  return [...small, ...large];
}

/**
 * Two things at a time, of which each is told by its signal when the other one has failed, and of what; when both are over it rejects
 * like {@link both}.
 */
export async function together<One, Other>(
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<One>,
  second: (signal: AbortSignal) => Promise<Other>,
): Promise<[One, Other]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const heard = async <Result>(work: (signal: AbortSignal) => Promise<Result>) => {
    try {
      return await work(either);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  return both(heard(first), heard(second));
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
