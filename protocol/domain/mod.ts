// Apart from protocol/mod.ts, for the XML parser costs start-up time that the command line does not have.
export { defaultPrefix, parseAddress } from './address.ts';
export { formatDomain } from './format.ts';
export { hostPaths } from './host-paths.ts';
export { stableMac, stableUuid } from './identity.ts';
export { isKeptKey } from './lxc-settings.ts';
export { formatNumbers, numbersOf } from './number-list.ts';
export { parseDomain } from './parse.ts';
export { CAPABILITIES } from './rights.ts';
export type * from './spec.ts';
export { DOMAIN_NAMESPACE } from './tree.ts';
export { copiedDirs, volumesWith } from './volumes.ts';
