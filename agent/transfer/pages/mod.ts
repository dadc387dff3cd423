/** godwit's own page server: the target's end of a hybrid move. */
export type {
  PageServer,
  PageServerOptions,
  PageServerProgress,
  PageServerReceived,
  PageServerReport,
} from './page-server.ts';
export { type WireFormat, wireFormatOf } from './wire.ts';
