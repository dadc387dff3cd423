import type { AllVerb, ContainerVerb, JobVerb, NodeVerb } from '../subjects.ts';

/** Who sends a request, and what for. */
export interface ExchangeText {
  readonly from: string;
  readonly purpose: string;
}

/** One text for each request of EXCHANGES; a request without one does not compile. */
export const EXCHANGE_TEXTS: {
  readonly node: Readonly<Record<NodeVerb, ExchangeText>>;
  readonly container: Readonly<Record<ContainerVerb, ExchangeText>>;
  readonly job: Readonly<Record<JobVerb, ExchangeText>>;
  readonly scatter: Readonly<Record<'auction', ExchangeText>>;
  readonly all: Readonly<Record<AllVerb, ExchangeText>>;
} = {
  node: {
    info: { from: 'anyone', purpose: 'what the node is, can do and runs' },
    bid: { from: 'node', purpose: 'the same as `auction`, asked of one node' },
    jobs: { from: 'anyone', purpose: 'the jobs it remembers' },
    prepare: {
      from: 'source',
      purpose: 'all reasons against a move; without any, reserve and listen for its data',
    },
    switch: { from: 'source', purpose: 'the rounds are over: be ready for the final dump, in this way' },
    commit: { from: 'source', purpose: 'the record names you: let the tasks run' },
    abort: { from: 'source', purpose: 'the move is off: undo' },
    define: { from: 'operator', purpose: 'own a new container, from its domain XML' },
    doctor: { from: 'operator', purpose: 'really dump and restore something; what fails, and its cure' },
    cordon: { from: 'operator', purpose: 'take no more containers' },
    evacuate: {
      from: 'operator',
      purpose: 'take no more, and move everything that runs there; answered with the job',
    },
    balance: {
      from: 'operator',
      purpose: 'what it would give away to be no fuller than others, and why; nothing is moved',
    },
    uncordon: { from: 'operator', purpose: 'take containers again' },
    restore: {
      from: 'operator',
      purpose: 'let a container run here from a checkpoint; answered with the job, or what a dry run found',
    },
    checkpoints: { from: 'operator', purpose: 'the checkpoints of its store' },
    'checkpoint-verify': { from: 'operator', purpose: 'look at every byte of a checkpoint' },
    'checkpoint-delete': { from: 'operator', purpose: 'delete a checkpoint' },
    'checkpoint-prune': { from: 'operator', purpose: 'delete the older checkpoints of a container' },
  },
  container: {
    info: { from: 'anyone', purpose: 'state, limits, domain XML' },
    start: { from: 'operator', purpose: 'start it' },
    stop: { from: 'operator', purpose: 'stop it, then kill it' },
    suspend: { from: 'operator', purpose: 'freeze its tasks' },
    resume: { from: 'operator', purpose: 'let its tasks run again' },
    undefine: { from: 'operator', purpose: 'forget it; it must be stopped' },
    rename: { from: 'operator', purpose: 'give it another name; it must be stopped' },
    exec: { from: 'operator', purpose: 'run a command in it' },
    'exec-open': {
      from: 'operator',
      purpose: 'run a command in it that somebody talks to, on a terminal if wished',
    },
    'exec-read': { from: 'operator', purpose: 'wait for what such a command writes, or for its end' },
    'exec-write': { from: 'operator', purpose: 'its input, the size of its terminal, a signal' },
    'prepare-rootfs': {
      from: 'operator',
      purpose: 'what systemd in it needs to be moved: look, write, or remove',
    },
    migrate: {
      from: 'operator',
      purpose: 'move it; answered at once with the job, or with the pre-flight of a dry run',
    },
    checkpoint: { from: 'operator', purpose: 'put it into the store, then stop it or let it run on' },
    'hand-over': { from: 'node', purpose: 'it is stopped here: the node that restores it becomes its owner' },
    auction: { from: 'operator', purpose: "what every node says of taking it, and the source's ranking" },
    resolve: {
      from: 'operator',
      purpose: 'lost or in doubt, and the source of its move has nothing: give it up, stopped',
    },
  },
  job: {
    info: { from: 'anyone', purpose: 'the job as it is now' },
    abort: { from: 'operator', purpose: 'undo it, as long as it is not committed' },
    set: { from: 'operator', purpose: 'change its bandwidth or downtime target' },
    report: { from: 'target', purpose: 'prepared, running, filled, failed or lost' },
    remark: { from: 'target', purpose: 'what it found out about the container after the move' },
    resolve: { from: 'operator', purpose: 'in doubt: keep the copy of one node, for good' },
  },
  scatter: {
    auction: {
      from: 'source',
      purpose: 'who takes this container? Bids keep its place for some seconds, refusals have reasons',
    },
  },
  all: {
    info: { from: 'anyone', purpose: 'every node tells what it is' },
    jobs: { from: 'anyone', purpose: 'every node lists its jobs' },
  },
};

/** What is published, by kind. */
export const PUBLISHED = {
  announce: { from: 'node', purpose: 'about once a second, with jitter, and at once on change' },
  award: {
    from: 'source',
    purpose: 'the best bidders of an auction; the others keep nothing for it any more',
  },
  event: {
    from: 'node',
    purpose: 'CloudEvents, kept in the stream `GODWIT_EVENTS_<cluster>`; jobs: `event.job.<job>`',
  },
} as const;
