import { expect, it } from 'vitest';
import { AuctionRequest } from '../messages/auction.ts';
import { askingFor } from './sample.ts';

it('asks in words that every node understands, however many there are', () => {
  const { share, spreadMs } = AuctionRequest.shape;
  for (let nodes = 0; nodes < 3_000; nodes++) {
    const asking = askingFor(nodes);
    expect(share.parse(asking.share), `${nodes} nodes`).toBe(asking.share);
    expect(spreadMs.parse(asking.spreadMs), `${nodes} nodes`).toBe(asking.spreadMs);
  }
  // What one sample told is no whole number.
  expect(spreadMs.parse(askingFor(511 / 0.37).spreadMs)).toBeGreaterThan(0);
});
