import { beforeEach, describe, expect, it } from 'vitest';
import { OwnedContainers } from '../containers/owned.ts';
import { FakeRecords } from '../testing/fake-records.ts';
import { FakeClock } from '../transfer/fake-clock.ts';
import { awaitReconciled } from './await-reconciled.ts';
import { RECONCILE } from './reconcile-all.ts';

let clock: FakeClock;
let containers: OwnedContainers;
beforeEach(() => {
  clock = new FakeClock();
  containers = new OwnedContainers(new FakeRecords(), async () => ({ stop: async () => {} }));
});

/** What it has come to by now. */
function waiting(): { over: boolean } {
  const seen = { over: false };
  void awaitReconciled({ containers, clock }, 'web').then(() => {
    seen.over = true;
  });
  return seen;
}
const turns = () => new Promise((resolve) => setImmediate(resolve));

describe('what is asked of a container that an agent looks at', () => {
  it('waits until that is over', async () => {
    const release = containers.claim('web', RECONCILE);
    const seen = waiting();
    await turns();
    expect(seen.over).toBe(false);
    release();
    await turns();
    expect(seen.over).toBe(true);
  });

  it('waits no longer than a moment', async () => {
    containers.claim('web', RECONCILE);
    const seen = waiting();
    await clock.advance(2_999);
    expect(seen.over).toBe(false);
    await clock.advance(1);
    expect(seen.over).toBe(true);
  });

  it('does not wait for anything else', async () => {
    containers.claim('web', 'stop');
    const seen = waiting();
    await turns();
    expect(seen.over).toBe(true);
  });
});
