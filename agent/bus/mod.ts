export type * from './bus.ts';
export { connectBus, type NatsBus } from './connect-bus.ts';
export type * from './options.ts';
