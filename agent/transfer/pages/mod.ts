/** godwit's own page server: the target's end of a hybrid move. */
export { openPageServer } from './open-page-server.ts';
export type {
  PageServer,
  PageServerOptions,
  PageServerProgress,
  PageServerReceived,
  PageServerReport,
} from './page-server.ts';
export type { WireFormat } from './wire.ts';
