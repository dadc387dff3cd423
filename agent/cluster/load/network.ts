import { kernelText } from './files.ts';

/** Bytes that came in and went out. */
export interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const NO_TRAFFIC: Traffic = { receivedBytes: 0, sentBytes: 0 };

/**
 * What the busiest interface of a network namespace has carried, loopback left out: a bridge and its ports carry the same
 * bytes, so adding them up would count them twice. @param pid a process of the namespace, `self` for the agent's own
 */
export function busiestTraffic(pid: number | 'self', proc = '/proc'): Traffic {
  const lines = kernelText(proc, String(pid), 'net/dev').split('\n').slice(2);
  return lines.map(trafficOf).reduce(busier, NO_TRAFFIC);
}

function trafficOf(line: string): Traffic {
  const [name = '', rest = ''] = line.split(':');
  if (name.trim() === 'lo' || rest === '') return NO_TRAFFIC;
  const [receivedBytes = 0, , , , , , , , sentBytes = 0] = rest.trim().split(/\s+/).map(Number);
  return { receivedBytes, sentBytes };
}

function busier(one: Traffic, other: Traffic): Traffic {
  return one.receivedBytes + one.sentBytes >= other.receivedBytes + other.sentBytes ? one : other;
}
