export type * from './bus.ts';
export { connectBus, type NatsBus } from './connect-bus.ts';
export {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from './embedded-server.ts';
export type { EventConsumer, EventVerdict, ReadEvent } from './event-consumer.ts';
export type * from './options.ts';
export { NATS_PORTS, type NatsPorts } from './topology.ts';
