#!/usr/bin/env node
// Prints each event of a cluster once, also those that came while this did not run. See README.md beside this file.
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const { NATS_URL = 'nats://127.0.0.1:4222', GODWIT_CLUSTER = 'default', CONSUMER = 'tail' } = process.env;
const stream = `GODWIT_EVENTS_${GODWIT_CLUSTER}`;
const nats = await connect({ servers: NATS_URL, maxReconnectAttempts: -1 });
const manager = await jetstreamManager(nats);
await manager.consumers.add(stream, { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit });

const consumer = await jetstream(nats).consumers.get(stream, CONSUMER);
for await (const message of await consumer.consume()) {
  const { time, type, subject } = message.json();
  console.log(time, type, subject);
  message.ack(); // From here on it is not delivered again.
}
