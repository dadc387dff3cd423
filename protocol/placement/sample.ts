/** Answers one auction shall get at most, about. */
const ANSWERS_WANTED = 512;
/** From so many nodes on answers are spread over some time. */
const SPREAD_FROM = 100;
const SPREAD_MS_PER_NODE = 0.5;
const SPREAD_MAX_MS = 400;

/** How an auction is asked, by how many nodes there are as far as the last one told. */
export interface Asking {
  /** Part of the nodes that shall answer, 0 to 1. */
  readonly share: number;
  /** Each answers after a random part of this; whole, or nobody understands the question. */
  readonly spreadMs: number;
}

/** @param nodes that there are, by the last auction; undefined before the first one */
export function askingFor(nodes: number | undefined): Asking {
  if (nodes === undefined) return { share: 1, spreadMs: 0 };
  const share = Math.min(1, ANSWERS_WANTED / Math.max(1, nodes));
  const answers = nodes * share;
  const spreadMs =
    answers < SPREAD_FROM ? 0 : Math.round(Math.min(SPREAD_MAX_MS, answers * SPREAD_MS_PER_NODE));
  return { share, spreadMs };
}

/** Whether a node is in the sample of one auction: by hash, so that nobody needs a list of nodes, and each auction has another one. */
export function isAsked(node: string, auction: string, share: number): boolean {
  return share >= 1 || hash(`${auction}/${node}`) < share;
}

/** FNV-1a with a final mix, as a number in [0, 1). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) / 0x1_0000_0000;
}
