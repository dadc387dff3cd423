export * from './balance/mod.ts';
export * from './bidder.ts';
export * from './evacuation.ts';
export * from './group-pause.ts';
export * from './load.ts';
export * from './sample.ts';
export * from './score.ts';
export type * from './words.ts';
