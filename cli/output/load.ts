import { COMPONENTS, type LoadVector, type NodeLoad, type Usage } from '../../protocol/placement/load.ts';
import { formatBytes, formatRate } from './format.ts';
import type { Column } from './table.ts';

const TITLES = { cpu: 'CPU', memory: 'MEM', io: 'IO', network: 'NET' } as const;

/** A share for people: `42 %`; above 100 % more is wanted than there is. */
export function formatShare(share: number | undefined): string {
  return share === undefined ? '-' : `${Math.round(share * 100)} %`;
}

/** One column a component. */
export function loadColumns<Item>(of: (item: Item) => LoadVector | undefined): Column<Item>[] {
  return COMPONENTS.map((component) => ({
    title: TITLES[component],
    cell: (item) => formatShare(of(item)?.[component]),
    align: 'right' as const,
  }));
}

/** What a container uses, one column a component. */
export function usageColumns<Item>(of: (item: Item) => Usage | undefined): Column<Item>[] {
  const right = { align: 'right' } as const;
  return [
    { title: TITLES.cpu, cell: (item) => formatShare(of(item)?.cpus), ...right },
    { title: TITLES.memory, cell: (item) => formatBytes(of(item)?.memoryBytes), ...right },
    { title: TITLES.io, cell: (item) => formatRate(of(item)?.ioBytesPerSecond), ...right },
    { title: TITLES.network, cell: (item) => formatRate(of(item)?.networkBytesPerSecond), ...right },
  ];
}

/** One line: use of each component, and how much of the time something waits for it. */
export function loadText({ use, pressure }: NodeLoad): string {
  return COMPONENTS.map((component) => {
    const waiting = pressure[component] >= 0.005 ? ` (+${formatShare(pressure[component])} waiting)` : '';
    return `${component} ${formatShare(use[component])}${waiting}`;
  }).join(', ');
}
