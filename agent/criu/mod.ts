/** criu on this node: the processes, their hooks, their words. */

export { type CriuDependencies, createCriu } from './create-criu.ts';
export * from './criu.ts';
export { againAfter } from './explain.ts';
export { tellThawed } from './frozen-image.ts';
export { type Gate, gateFifo, makeGate } from './gate.ts';
export { type OpenHooksOptions, openHooks } from './hooks.ts';
