// Many agents over fake programs in one process: URL FIRST COUNT. Says when they answer, what they cost, and ends them.
import { fakeNode } from '../support/fake-nodes.ts';
import { type FleetNews, type FleetWord, nodeName } from './words.ts';

const AT_ONCE = 10;
const [url = '', first = '', count = ''] = process.argv.slice(2);
const names = Array.from({ length: Number(count) }, (_none, i) => nodeName(Number(first) + i));
const fleet = names.map((name) => fakeNode(name, url));

function tell(kind: FleetNews['kind']): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ kind, cpuMs: (user + system) / 1000, memoryBytes: process.memoryUsage.rss() });
}

process.on('message', (word: FleetWord) => {
  if (word.kind === 'cost') return tell('cost');
  void Promise.all(fleet.map((node) => node.remove())).then(() => {
    tell('stopped');
    process.disconnect();
  });
});
for (let at = 0; at < fleet.length; at += AT_ONCE)
  await Promise.all(fleet.slice(at, at + AT_ONCE).map((node) => node.start()));
tell('ready');
