import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { SendWindow } from './send-window.ts';

describe('send window', () => {
  it('opens with acks and is done when the end is acknowledged', () => {
    const window = new SendWindow(100);
    expect(window.room).toBe(100);
    window.send(100);
    expect(window.room).toBe(0);
    window.ack(60, 100);
    expect(window.room).toBe(60);
    window.end();
    window.ack(100, 100);
    expect(window.done).toBe(false);
    window.ack(101, 100);
    expect(window.done).toBe(true);
  });

  it('takes nothing back when a peer shrinks its window', () => {
    const window = new SendWindow(100);
    window.send(10);
    window.ack(10, 5);
    expect(window.room).toBe(90);
  });

  it('is never larger than this node wants to keep', () => {
    const window = new SendWindow(0xffffffff);
    expect(window.room).toBe(LIMITS.streamWindowBytes);
    window.ack(0, 0xffffffff);
    expect(window.room).toBe(LIMITS.streamWindowBytes);
  });

  it('refuses acks of what was not sent and acks that go back', () => {
    const window = new SendWindow(100);
    window.send(10);
    expect(() => window.ack(11, 100)).toThrow('an ack of 11 where 0 to 10 can be');
    window.ack(8, 100);
    expect(() => window.ack(7, 100)).toThrow('an ack of 7');
  });
});
