/** What the parent says and hears. */
export type FleetWord = { readonly kind: 'cost' } | { readonly kind: 'stop' };
export interface FleetNews {
  readonly kind: 'ready' | 'cost' | 'stopped';
  /** CPU time since the start, and memory now, of the whole process. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** Of one of many nodes. */
export function nodeName(index: number): string {
  return `a${String(index).padStart(3, '0')}`;
}
