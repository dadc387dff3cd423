/** Root file systems that a move copies (protocol/adr/0013): what other folders of the agent use of it. */

export { basisBytes, rootfsBytes } from './bytes.ts';
export { hashList, LOWER_STREAMS, lowerDifference } from './lower.ts';
export { setMark } from './mark.ts';
export {
  canKeep,
  givePlaceBack,
  keptAt,
  leavePlace,
  type Place,
  type Room,
  type Rootfs,
  roomAt,
  takePlace,
} from './place.ts';
export { RootfsReceiver } from './receiver.ts';
export { anotherPass } from './rule.ts';
export { RootfsSender, type SenderOptions } from './sender.ts';
export { askVerdict, giveVerdict, readListing } from './verdict.ts';
