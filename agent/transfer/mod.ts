/** The data plane (DESIGN section 7): what other folders of the agent use of it. */
export { type DataPortOptions, openDataPort } from './data-port.ts';
export type { DataPeer } from './dialer.ts';
export { goneForGood, isKeyless, type TransferLog } from './failure.ts';
export type { ImageSummary } from './image-records.ts';
export { join } from './join.ts';
export { createMeter, type MeterOptions, type Share } from './meter.ts';
export { openStream } from './open-stream.ts';
export { type ReceiveImagesOptions, receiveImages } from './receive-images.ts';
export {
  type Relay,
  type RelayBytes,
  type RelayConnectOptions,
  type RelayListenOptions,
  relayConnect,
  relayListen,
} from './relay.ts';
export { type SendImagesOptions, sendImages } from './send-images.ts';
export { SharedLink } from './shared-link.ts';
