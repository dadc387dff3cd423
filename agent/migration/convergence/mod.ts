/** When the rounds of a pre-copy stop: a pure rule over CRIU's own figures (DESIGN section 6). */
export { dirtyRateBytesPerSecond, predictedDowntimeMs, restBytes } from './estimate.ts';
export { adjust, convergenceStart, convergenceStep, nextThrottle } from './rule.ts';
export type { ConvergenceGoal, ConvergenceModel, ConvergenceState, Decision } from './words.ts';
