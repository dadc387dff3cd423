import { transferFailed } from '../failure.ts';
import type { PageFiles } from './page-files.ts';
import type { RemotePages } from './remote-pages.ts';
import { REMOTE, type SegmentTable } from './segments.ts';
import { type Header, PAGE_BYTES } from './wire.ts';

/** The most in one answer: a page that somebody waits for must not stand behind megabytes. */
export const ANSWER_PAGES = 64;

/** Fills answers with the pages of the processes. */
export class Answers {
  private readonly tasks: ReadonlyMap<number, SegmentTable>;
  private readonly files: PageFiles;
  private readonly remote: RemotePages;

  constructor(tasks: ReadonlyMap<number, SegmentTable>, files: PageFiles, remote: RemotePages) {
    this.tasks = tasks;
    this.files = files;
    this.remote = remote;
  }

  /**
   * Fills `into` with as many of the pages as are here, from the first on, and returns their number; 0 when the first is
   * not here yet. CRIU asks again for the rest. @throws GodwitError TRANSFER_FAILED when the first is none of ours
   */
  fill(request: Header, into: Buffer, offset: number): number {
    const { segments, index: first } = this.find(request);
    const wanted = Math.min(request.pages, ANSWER_PAGES);
    let filled = 0;
    for (let index = first; filled < wanted && index < segments.length; index += 1) {
      const page = request.page + filled;
      if (segments.page(index) > page) break;
      const skip = page - segments.page(index);
      const pages = Math.min(wanted - filled, segments.pages(index) - skip);
      const place = segments.at(index) + skip;
      const at = offset + filled * PAGE_BYTES;
      if (segments.file(index) !== REMOTE) {
        this.files.read(segments.file(index), into, at, pages * PAGE_BYTES, place * PAGE_BYTES);
        filled += pages;
        continue;
      }
      const here = this.remote.hereFrom(place, pages);
      if (here > 0) this.remote.take(place, into, at, here);
      filled += here;
      if (here < pages) break;
    }
    return filled;
  }

  /** The first page of the request as the source's, if it is one that is not here. @throws GodwitError TRANSFER_FAILED */
  missing(request: Header): number | undefined {
    const { segments, index } = this.find(request);
    if (segments.file(index) !== REMOTE) return undefined;
    const place = segments.at(index) + (request.page - segments.page(index));
    return this.remote.hereFrom(place, 1) === 1 ? undefined : place;
  }

  private find({ id, page }: Header): { readonly segments: SegmentTable; readonly index: number } {
    const segments = this.tasks.get(id);
    const index = segments?.find(page) ?? -1;
    if (segments === undefined || index < 0)
      throw transferFailed(`criu asked for page ${page.toString(16)} of ${id}, which is not lazy`);
    return { segments, index };
  }
}
