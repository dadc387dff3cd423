export * from './source.ts';
export * from './target.ts';
export * from './words.ts';
