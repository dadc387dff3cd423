import type { Command } from 'commander';
import type { Cli } from './action.ts';

/** A top-level command: its line in the help, and the module that knows the rest. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly register: (program: Command, cli: Cli) => void }>;
}

/** Every command, in the order of the help. Only the one that is called is loaded: start-up time counts. */
export const VERBS: readonly Verb[] = [
  { name: 'ps', summary: 'list containers', load: () => import('./commands/ps.ts') },
  { name: 'inspect', summary: 'show one container', load: () => import('./commands/inspect.ts') },
  { name: 'dumpxml', summary: "print a container's domain XML", load: () => import('./commands/dumpxml.ts') },
  {
    name: 'define',
    summary: 'define a container from domain XML',
    load: () => import('./commands/define.ts'),
  },
  { name: 'undefine', summary: 'forget a stopped container', load: () => import('./commands/undefine.ts') },
  { name: 'start', summary: 'start containers', load: () => import('./commands/start.ts') },
  { name: 'stop', summary: 'stop containers', load: () => import('./commands/stop.ts') },
  {
    name: 'suspend',
    summary: 'freeze the tasks of containers',
    load: () => import('./commands/suspend.ts'),
  },
  {
    name: 'resume',
    summary: 'let suspended containers go on',
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'rename',
    summary: 'give a stopped container another name',
    load: () => import('./commands/rename.ts'),
  },
  { name: 'exec', summary: 'run a command in a container', load: () => import('./commands/exec.ts') },
  {
    name: 'prepare-rootfs',
    summary: 'make a system container fit for moves',
    load: () => import('./commands/prepare-rootfs.ts'),
  },
  {
    name: 'migrate',
    summary: 'move a running container to another node',
    load: () => import('./commands/migrate.ts'),
  },
  {
    name: 'checkpoint',
    summary: 'put a running container into the store',
    load: () => import('./commands/checkpoint.ts'),
  },
  {
    name: 'checkpoints',
    summary: 'list, verify, delete and prune checkpoints',
    load: () => import('./commands/checkpoints.ts'),
  },
  {
    name: 'restore',
    summary: 'let a container run again from a checkpoint',
    load: () => import('./commands/restore.ts'),
  },
  {
    name: 'auction',
    summary: 'show which nodes would take a container',
    load: () => import('./commands/auction.ts'),
  },
  {
    name: 'job',
    summary: 'list, watch, change, abort and resolve jobs',
    load: () => import('./commands/job.ts'),
  },
  { name: 'node', summary: 'list, cordon and uncordon nodes', load: () => import('./commands/node.ts') },
  { name: 'evacuate', summary: 'move everything off a node', load: () => import('./commands/evacuate.ts') },
  { name: 'balance', summary: 'spread load over the nodes', load: () => import('./commands/balance.ts') },
  { name: 'top', summary: 'watch what nodes and containers use', load: () => import('./commands/top.ts') },
  { name: 'doctor', summary: 'check what nodes can do', load: () => import('./commands/doctor.ts') },
  { name: 'events', summary: 'show what happened, or follow it', load: () => import('./commands/events.ts') },
  { name: 'version', summary: 'print the version', load: () => import('./commands/version.ts') },
  {
    name: 'completion',
    summary: 'print a shell completion script',
    load: () => import('./commands/completion.ts'),
  },
];
