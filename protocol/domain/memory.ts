import type { DomainChildren } from './children.ts';
import { defined } from './defined.ts';
import { attributesOf, childrenOf, textOf } from './element.ts';
import type { Problems } from './problems.ts';
import type { DomainSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readBytes } from './values.ts';

const MEMTUNE = { hard_limit: 'one', soft_limit: 'one', swap_hard_limit: 'one' } as const;

type Memory = Pick<DomainSpec, 'memoryBytes' | 'allocation' | 'memtune'>;

/**
 * Reads how much memory the container may use. As with libvirt, `<currentMemory>` is the limit that a container starts
 * with and `<hard_limit>` goes before it; 0 as `<currentMemory>` says nothing.
 */
export function readMemory(children: DomainChildren, problems: Problems): Memory {
  const size = (element: XmlElement, min: 0 | 1 = 1) => readSize(element, min, problems);
  const maxBytes = children.memory.map((element) => size(element))[0] ?? 1;
  const currentBytes = children.currentMemory.map((element) => size(element, 0))[0] || maxBytes;
  const current = children.currentMemory[0];
  if (current && children.memory[0] && currentBytes > maxBytes)
    problems.refuse(
      current.offset,
      `<currentMemory> of ${currentBytes} bytes is more than <memory>, ${maxBytes} bytes`,
    );
  const [memtune] = children.memtune;
  const tuned = memtune ? readMemtune(memtune, currentBytes, problems) : { hardBytes: currentBytes };
  const { hardBytes, ...soft } = tuned;
  return {
    memoryBytes: hardBytes,
    ...(maxBytes === hardBytes && currentBytes === hardBytes
      ? {}
      : { allocation: { maxBytes, currentBytes } }),
    ...(Object.keys(soft).length === 0 ? {} : { memtune: soft }),
  };
}

function readMemtune(element: XmlElement, currentBytes: number, problems: Problems) {
  attributesOf(element, {}, problems);
  const children = childrenOf(element, MEMTUNE, problems);
  const [hard, soft, swap] = (['hard_limit', 'soft_limit', 'swap_hard_limit'] as const).map((name) =>
    children[name].map((limit) => readSize(limit, 1, problems)).at(0),
  );
  const hardBytes = hard ?? currentBytes;
  const [limit] = children.swap_hard_limit;
  if (limit && swap !== undefined && swap < hardBytes)
    problems.refuse(
      limit.offset,
      `<swap_hard_limit> of ${swap} bytes is memory and swap together, and less than the memory limit of ${hardBytes}`,
    );
  return { hardBytes, ...defined({ softLimitBytes: soft, swapLimitBytes: swap }) };
}

function readSize(element: XmlElement, min: 0 | 1, problems: Problems): number {
  const { unit } = attributesOf(element, { optional: ['unit'] }, problems);
  return readBytes(textOf(element, problems), unit, `<${element.tag}>`, element.offset, problems, min);
}
