/** Memory that follows a container: the target's own page server, and the source's service of its frozen tasks' pages. */
export {
  type FirstPage,
  FirstPagesList,
  readFirstPages,
  removeFirstPages,
  writeFirstPages,
} from './first-pages.ts';
export { openPageServer } from './open-page-server.ts';
export type {
  PageServer,
  PageServerOptions,
  PageServerProgress,
  PageServerReceived,
  PageServerReport,
} from './page-server.ts';
export { PageService } from './page-service.ts';
export { type RehearsalOptions, rehearse } from './rehearsal.ts';
export { TaskMemory } from './task-memory.ts';
export { PAGE_BYTES, type WireFormat } from './wire.ts';
