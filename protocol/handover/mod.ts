export * from './recover.ts';
export * from './source.ts';
export * from './source-words.ts';
export * from './target.ts';
export * from './target-words.ts';
export * from './words.ts';
