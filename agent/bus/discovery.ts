import type { Msg } from '@nats-io/transport-node';
import type { Stoppable } from './bus.ts';
import type { Endpoints } from './endpoints.ts';
import type { Link } from './link.ts';
import { listen } from './serve.ts';

/** The name that `nats service ls` shows for every agent. */
export const SERVICE_NAME = 'godwit-agent';

const VERBS = ['PING', 'INFO', 'STATS'] as const;
type Verb = (typeof VERBS)[number];

/** One running agent as NATS' services protocol sees it. */
export interface ServiceInstance {
  /** Unique per start of an agent. */
  readonly id: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  readonly endpoints: Endpoints;
}

/**
 * Answers NATS' service discovery (ADR-32): `$SRV.PING|INFO|STATS[.<name>[.<id>]]`, every instance for itself, so that
 * `nats service ls|info|stats` work on agents.
 */
export async function answerDiscovery(link: Link, instance: ServiceInstance): Promise<Stoppable> {
  const listeners = await Promise.all(
    VERBS.flatMap((verb) =>
      discoverySubjects(verb, instance.id).map((subject) =>
        listen(link, subject, (message) => respond(message, discoveryAnswer(verb, instance))),
      ),
    ),
  );
  return {
    stop: async () => {
      await Promise.all(listeners.map((listener) => listener.stop()));
    },
  };
}

/** The three subjects one verb is asked on: everybody, this service, this instance. */
export function discoverySubjects(verb: Verb, id: string): string[] {
  return [`$SRV.${verb}`, `$SRV.${verb}.${SERVICE_NAME}`, `$SRV.${verb}.${SERVICE_NAME}.${id}`];
}

/** The document ADR-32 wants for `verb`. */
export function discoveryAnswer(verb: Verb, instance: ServiceInstance): Record<string, unknown> {
  const { id, version, metadata } = instance;
  const base = {
    type: `io.nats.micro.v1.${verb.toLowerCase()}_response`,
    name: SERVICE_NAME,
    id,
    version,
    metadata,
  };
  if (verb === 'PING') return base;
  const endpoints = instance.endpoints.report();
  if (verb === 'STATS') {
    const started = new Date(instance.startedAtMs).toISOString();
    return { ...base, started, endpoints: endpoints.map((endpoint) => ({ ...endpoint, queue_group: '' })) };
  }
  return {
    ...base,
    description: 'moves running Linux containers between machines',
    endpoints: endpoints.map(({ name, subject }) => ({ name, subject, queue_group: '', metadata: {} })),
  };
}

function respond(message: Msg, answer: Record<string, unknown>): void {
  if (message.reply) message.respond(JSON.stringify(answer));
}
