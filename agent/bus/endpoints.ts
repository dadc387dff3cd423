import type { GodwitError } from '../../protocol/mod.ts';

/** Counts what one endpoint answered. */
export interface EndpointStats {
  /** One answer that took `tookMs`, and the error it was, if any. */
  count(tookMs: number, error?: GodwitError): void;
}

/** One endpoint as NATS' services protocol (ADR-32) describes it; times are nanoseconds. */
export interface EndpointReport {
  readonly name: string;
  readonly subject: string;
  readonly num_requests: number;
  readonly num_errors: number;
  readonly last_error: string;
  readonly processing_time: number;
  readonly average_processing_time: number;
}

/** All endpoints of an agent: one per kind of subject, not one per container or job, so that reports stay small. */
export interface Endpoints {
  /** The statistics for `subject`, an endpoint served from now on. */
  of(subject: string): EndpointStats;
  report(): EndpointReport[];
}

/** No endpoints yet. */
export function createEndpoints(): Endpoints {
  const known = new Map<string, Tally>();
  return {
    of: (subject) => {
      const shape = shapeOf(subject);
      let tally = known.get(shape.name);
      if (!tally) {
        tally = { ...shape, requests: 0, errors: 0, lastError: '', tookMs: 0 };
        known.set(shape.name, tally);
      }
      return counterOf(tally);
    },
    report: () => [...known.values()].map(reportOf),
  };
}

interface Tally {
  readonly name: string;
  readonly subject: string;
  requests: number;
  errors: number;
  lastError: string;
  tookMs: number;
}

/** `godwit.v1.lab.container.web.*` is the endpoint `container` on `godwit.v1.lab.container.*.*`. */
function shapeOf(subject: string): { name: string; subject: string } {
  const [root, version, cluster, family = 'other', ...rest] = subject.split('.');
  const verb = rest.at(-1);
  const named = verb && /^[A-Za-z0-9_-]+$/.test(verb) ? `${family}-${verb}` : family;
  const own =
    family === 'container' || family === 'job' ? rest.map((part, i) => (i === 0 ? '*' : part)) : rest;
  return { name: named, subject: [root, version, cluster, family, ...own].join('.') };
}

function counterOf(tally: Tally): EndpointStats {
  return {
    count: (tookMs, error) => {
      tally.requests += 1;
      tally.tookMs += tookMs;
      if (!error) return;
      tally.errors += 1;
      tally.lastError = `${error.status}:${error.code}: ${error.message}`;
    },
  };
}

function reportOf(tally: Tally): EndpointReport {
  return {
    name: tally.name,
    subject: tally.subject,
    num_requests: tally.requests,
    num_errors: tally.errors,
    last_error: tally.lastError,
    processing_time: Math.round(tally.tookMs * 1e6),
    average_processing_time: tally.requests === 0 ? 0 : Math.round((tally.tookMs * 1e6) / tally.requests),
  };
}
