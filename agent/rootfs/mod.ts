/** Root file systems that a move copies (protocol/adr/0013): what other folders of the agent use of it. */

export { basisBytes, rootfsBytes } from './bytes.ts';
export { differenceOf } from './changes.ts';
export { type Listing, listTree, parseListing } from './listing.ts';
export { hashList, LOWER_STREAMS, lowerDifference } from './lower.ts';
export { setMark } from './mark.ts';
export { type NearOptions, nearPeer } from './near-peer.ts';
export { lookOver, outlineDifference, outlinesOf, type TreeLook } from './outline.ts';
export { type FarOptions, farPeer } from './peer.ts';
export {
  canKeep,
  givePlaceBack,
  isFilled,
  keptAt,
  leavePlace,
  type Place,
  type Room,
  type Rootfs,
  removeTree,
  roomAt,
  takePlace,
} from './place.ts';
export { RootfsReceiver } from './receiver.ts';
export { anotherPass } from './rule.ts';
export { RootfsSender, syncTree } from './sender.ts';
export { askVerdict, giveVerdict, readListing } from './verdict.ts';
