import { describe, expect, it } from 'vitest';
import { Departures } from './departures.ts';

const NEVER = new AbortController().signal;

/** Moves that come to the queue; `order` are those whose turn has come. */
function queueOf(most: number) {
  const departures = new Departures(most);
  const places = new Map<string, number>();
  const order: string[] = [];
  return {
    places,
    order,
    come(name: string, signal = NEVER) {
      const ticket = departures.ticket((place) => {
        if (place === undefined) places.delete(name);
        else places.set(name, place);
      });
      const enter = () => ticket.enter(signal).then(() => void order.push(name));
      const entered = enter();
      entered.catch(() => {});
      return { entered, enter, leave: () => ticket.leave() };
    },
  };
}

describe('moves that leave a node', () => {
  it('go at once while there is room, the others in the order in which they came', async () => {
    const { come, order, places } = queueOf(2);
    const [a, b, c, d] = [come('a'), come('b'), come('c'), come('d')];
    await Promise.all([a.entered, b.entered]);
    expect(order).toEqual(['a', 'b']);
    expect([...places]).toEqual([
      ['c', 1],
      ['d', 2],
    ]);
    b.leave();
    await c.entered;
    expect([...places]).toEqual([['d', 1]]);
    a.leave();
    await d.entered;
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(places.size).toBe(0);
  });

  it('lose nothing when one gives up, and the others move up', async () => {
    const { come, order, places } = queueOf(1);
    const stop = new AbortController();
    const [a, b, c] = [come('a'), come('b', stop.signal), come('c')];
    await a.entered;
    stop.abort(new Error('not needed'));
    await expect(b.entered).rejects.toThrow('not needed');
    expect(places.get('c')).toBe(1);
    b.leave();
    expect(order).toEqual(['a']);
    a.leave();
    a.leave();
    await c.entered;
    const d = come('d');
    expect(places.get('d')).toBe(1);
    c.leave();
    await d.entered;
  });

  it('keep their place when they give their turn back for a while', async () => {
    const { come, order } = queueOf(1);
    const [a, b, c] = [come('a'), come('b'), come('c')];
    await a.entered;
    a.leave();
    await b.entered;
    const again = a.enter();
    b.leave();
    await again;
    a.leave();
    await c.entered;
    expect(order).toEqual(['a', 'b', 'a', 'c']);
  });
});
