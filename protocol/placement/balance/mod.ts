export * from './balance.ts';
export { planMoves } from './plan.ts';
export * from './wanted.ts';
export * from './words.ts';
