// Apart from protocol/mod.ts, for the XML parser costs start-up time that the command line does not have.
export { formatDomain } from './format.ts';
export { parseDomain } from './parse.ts';
export type * from './spec.ts';
export { DOMAIN_NAMESPACE } from './tree.ts';
