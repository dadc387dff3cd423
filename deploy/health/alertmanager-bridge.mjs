#!/usr/bin/env node
// Takes webhooks of a Prometheus Alertmanager and publishes each firing alert that names a node as a health event of godwit.
// See README.md beside this file.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from '@nats-io/transport-node';

const { NATS_URL = 'nats://127.0.0.1:4222', GODWIT_CLUSTER = 'default', BRIDGE_PORT = '9095' } = process.env;
const LARGEST_BYTES = 1024 * 1024;
const NODE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

const nats = await connect({
  servers: NATS_URL,
  maxReconnectAttempts: -1,
  name: 'godwit-alertmanager-bridge',
});

/** The node an alert is about: its label `node`, or the host name in `instance`. */
function nodeOf({ node, instance = '' }) {
  const name = node ?? instance.replace(/:\d+$/, '').split('.')[0];
  return NODE.test(name) ? name : undefined;
}

function publish({ status, labels = {}, annotations = {} }) {
  const node = nodeOf(labels);
  if (status !== 'firing' || node === undefined) return 0;
  const prefix = `godwit.v1.${GODWIT_CLUSTER}`;
  const data = {
    severity: labels.severity ?? 'unknown',
    reason: annotations.summary ?? labels.alertname ?? 'an alert',
  };
  const event = {
    specversion: '1.0',
    id: randomUUID(),
    source: 'alertmanager',
    type: 'io.godwit.v1.event.health',
    time: new Date().toISOString(),
    subject: node,
    datacontenttype: 'application/json',
    data,
  };
  nats.publish(`${prefix}.event.health.${node.replaceAll('_', '__')}`, JSON.stringify(event));
  return 1;
}

createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (part) => {
    text += part;
    if (text.length > LARGEST_BYTES) request.destroy();
  });
  request.on('end', async () => {
    try {
      const published = JSON.parse(text)
        .alerts.map(publish)
        .reduce((sum, one) => sum + one, 0);
      await nats.flush();
      response.end(`${published}\n`);
    } catch (error) {
      response.writeHead(400).end(`${error.message}\n`);
    }
  });
}).listen(Number(BRIDGE_PORT), '127.0.0.1', function listening() {
  console.log(`listens on ${this.address().port}`);
});
