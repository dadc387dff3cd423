import { Award } from '../messages/auction.ts';
import { CloudEvent } from '../messages/event.ts';
import { Announce } from '../messages/node.ts';
import { PUBLISHED } from './exchange-texts.ts';
import { kindOf, kinds, type Request, requests } from './kinds.ts';
import { titleOf, toJsonSchema } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const PREFIX = 'godwit.v1.{cluster}';
const PARAMETERS: Readonly<Record<string, Json>> = {
  cluster: { description: 'Name of the cluster, one token.' },
  node: { description: 'Id of a node, one token.' },
  name: { description: 'Name of a container as one token: "_" is written "__", "." is written "_d".' },
  job: { description: 'Id of a job, one token.' },
  topic: { description: 'What the event is about, such as "job".' },
  id: { description: 'Whom it is about, as one token.' },
};

/** `protocol/asyncapi.json`: the bus as AsyncAPI 3 sees it, from the side of the nodes. */
export function renderAsyncApi(): string {
  const all = requests();
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'godwit',
      version: '1',
      description:
        'Requests and events of the godwit agents on NATS. Every payload is JSON; unknown keys are ignored. An error reply has the headers Nats-Service-Error-Code and Nats-Service-Error and a body {code, message, hint, details}.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries([
      ...all.flatMap(requestChannels),
      channel('announce', `${PREFIX}.announce.{node}`, [kindOf(Announce)]),
      channel('award', `${PREFIX}.award`, [kindOf(Award)]),
      channel('event', `${PREFIX}.event.{topic}.{id}`, [kindOf(CloudEvent)]),
    ]),
    operations: Object.fromEntries([
      ...all.map(requestOperation),
      ['announce', publishing('announce', PUBLISHED.announce.purpose)],
      ['award', publishing('award', PUBLISHED.award.purpose)],
      ['event', publishing('event', PUBLISHED.event.purpose)],
    ]),
    components: {
      messages: Object.fromEntries([...kinds().keys()].map((kind) => [kind, messageOf(kind)])),
      schemas: Object.fromEntries(
        [...kinds()].map(([kind, schema]) => {
          const { $schema: _dialect, ...rest } = toJsonSchema(schema, 'draft-7');
          return [kind, rest];
        }),
      ),
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function requestChannels({ family, verb, subject, request, reply }: Request): [string, Json][] {
  const address = `${PREFIX}.${subject.replaceAll('<', '{').replaceAll('>', '}')}`;
  return [
    channel(`${family}.${verb}`, address, [kindOf(request)]),
    // The address of a reply is the inbox that the request names.
    channel(`${family}.${verb}.reply`, null, [kindOf(reply)]),
  ];
}

function channel(id: string, address: string | null, messages: readonly string[]): [string, Json] {
  const used = [...(address ?? '').matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return [
    id,
    {
      address,
      messages: Object.fromEntries(messages.map((kind) => [kind, { $ref: `#/components/messages/${kind}` }])),
      ...(used.length === 0
        ? {}
        : { parameters: Object.fromEntries(used.map((name) => [name, PARAMETERS[name]])) }),
    },
  ];
}

function requestOperation({ family, verb, request, reply, from, purpose }: Request): [string, Json] {
  const id = `${family}.${verb}`;
  return [
    id,
    {
      action: 'receive',
      channel: { $ref: `#/channels/${id}` },
      summary: `From: ${from}. ${purpose}`,
      messages: [{ $ref: `#/channels/${id}/messages/${kindOf(request)}` }],
      reply: {
        channel: { $ref: `#/channels/${id}.reply` },
        messages: [{ $ref: `#/channels/${id}.reply/messages/${kindOf(reply)}` }],
      },
    },
  ];
}

function publishing(id: string, summary: string): Json {
  return { action: 'send', channel: { $ref: `#/channels/${id}` }, summary };
}

function messageOf(kind: string): Json {
  return { name: titleOf(kind), payload: { $ref: `#/components/schemas/${kind}` } };
}
