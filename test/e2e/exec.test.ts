import { beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { useCluster } from './support/use-lab.ts';

const NAME = 'talk';
const cluster = useCluster('ex', { nodes: 1 });

beforeAll(() =>
  startContainer(cluster, 'n1', 'generic', { name: NAME, address: '10.77.1.62', memoryMib: 64 }),
);

/** Waits in a script until a file holds a word. */
const until = (word: string, file: string) =>
  `for i in $(seq 600); do grep -q ${word} ${file} && break; sleep 0.1; done`;

describe('a command that somebody talks to', () => {
  it('gets what is typed, and its output and exit code come back', async () => {
    const words = ['client', '--', 'godwit', 'exec', '-i', NAME, '--', '/bin/sh', '-c', 'cat; exit 7'];
    const input = `${'a line of many\n'.repeat(20_000)}the last`;
    const { exitCode, stdout } = await cluster.lab.run(words, { input });
    expect(exitCode).toBe(7);
    expect(stdout === input).toBe(true);
  });

  it('has a terminal of the size of its user, also when that changes, and Ctrl-C reaches it', async () => {
    const inside =
      'trap "echo resized \\$(stty size)" WINCH; trap "exit 5" INT; echo ready $(stty size) $TERM; while :; do sleep 0.2; done';
    const seen = await cluster.lab.sh(
      'n1',
      `cat >/tmp/talk <<'END'
stty rows 33 cols 101
tty >/tmp/tty
exec godwit exec -t ${NAME} -- /bin/sh -c '${inside}'
END
      mkfifo /tmp/typed; exec 5<>/tmp/typed
      TERM=xterm-256color script -qfec 'sh /tmp/talk' /dev/null <&5 >/tmp/seen & pid=$!
      ${until('ready', '/tmp/seen')}
      stty -F $(cat /tmp/tty) rows 20 cols 60
      ${until('resized', '/tmp/seen')}
      printf '\\003' >&5
      wait $pid || echo "exit $?"; cat /tmp/seen`,
    );
    expect(seen).toContain('ready 33 101 xterm-256color');
    expect(seen).toContain('resized 20 60');
    expect(seen).toContain('exit 5');
  });

  it('gets the signals that its client gets', async () => {
    const inside = 'trap "echo asked; exit 9" TERM; echo ready; while :; do sleep 0.2; done';
    const seen = await cluster.lab.sh(
      'n1',
      `godwit exec -i ${NAME} -- /bin/sh -c '${inside}' </dev/null >/tmp/told & pid=$!
      ${until('ready', '/tmp/told')}
      kill -TERM $pid; wait $pid || echo "exit $?"; cat /tmp/told`,
    );
    expect(seen.split('\n')).toEqual(['exit 9', 'ready', 'asked']);
  });
});

/** Says how many are left inside. */
const left = `lxc-attach -n ${NAME} -- /bin/sh -c 'cat /proc/[0-9]*/cmdline' | tr '\\0' ' ' | grep -c 'slee[p] 4711' || :`;

it.each(['', '-i', '-t'])('a command ends of a signal that comes while it begins (exec %s)', async (how) => {
  const seen = await cluster.lab.sh(
    'n1',
    `for tenth in 2 3 4 5 6 7 8 9; do
      godwit exec ${how} ${NAME} -- sleep 4711 </dev/null >/tmp/told 2>&1 & pid=$!
      sleep 0.$tenth; kill -TERM $pid; wait $pid || echo "exit $?"
    done
    ${left}`,
  );
  expect(seen.split('\n')).toEqual([...Array(8).fill('exit 143'), '0']);
});

describe('a command that nobody talks to', () => {
  const end = (signal: string, inside: string) =>
    cluster.lab.sh(
      'n1',
      `rm -f /srv/godwit/${NAME}/began
      godwit exec ${NAME} -- /bin/sh -c '${inside}' >/tmp/told 2>&1 & pid=$!
      ${until('yes', `/srv/godwit/${NAME}/began`)}
      kill -${signal} $pid; wait $pid || echo "exit $?"; cat /tmp/told
      ${left}`,
    );

  it.each([
    ['INT', 130],
    ['TERM', 143],
  ])('ends of SIG%s that its client gets, and says so', async (signal, exitCode) => {
    const seen = await end(signal, 'echo first; echo yes >/began; exec sleep 4711');
    expect(seen.split('\n')).toEqual([`exit ${exitCode}`, 'first', '0']);
  });

  it('ends of them with all that it has begun', async () => {
    const seen = await end('INT', 'echo yes >/began; sleep 4711; true');
    expect(seen.split('\n')).toEqual(['exit 130', '0']);
  });

  it('is not waited for beyond its time, whatever it has left behind', async () => {
    const seen = await cluster.lab.sh(
      'n1',
      `godwit exec ${NAME} --timeout 2s -- /bin/sh -c 'sleep 4711 & echo begun' >/tmp/told 2>&1 || echo "exit $?"
      ${left}`,
    );
    expect(seen.split('\n')).toEqual(['exit 1', '0']);
  });

  it('may do as it likes with them', async () => {
    // Its shell would say there that its children were ended, too.
    const quiet = 'exec 2>/dev/null';
    const inside = `${quiet}; trap "echo asked; exit 9" TERM; echo yes >/began; while :; do sleep 0.2; done`;
    expect((await end('TERM', inside)).split('\n')).toEqual(['exit 9', 'asked', '0']);
  });

  it('has the exit code of what killed it inside', async () => {
    expect((await cluster.godwit('exec', NAME, '--', '/bin/sh', '-c', 'kill -9 $$')).exitCode).toBe(137);
    expect((await cluster.godwit('exec', NAME, '--', '/bin/sh', '-c', 'exit 77')).exitCode).toBe(77);
  });
});

it('has another name after a rename, and is the same container', async () => {
  const { container } = await cluster.json<ContainerInfo>('inspect', NAME);
  expect((await cluster.godwit('rename', NAME, 'spoken')).exitCode).toBe(5);
  expect((await cluster.godwit('stop', NAME, '--kill')).exitCode).toBe(0);
  expect((await cluster.godwit('rename', NAME, 'spoken')).exitCode).toBe(0);
  expect((await cluster.godwit('inspect', NAME)).exitCode).toBe(3);
  expect((await cluster.godwit('start', 'spoken')).exitCode).toBe(0);
  const after = await cluster.json<ContainerInfo>('inspect', 'spoken');
  expect(after.container).toMatchObject({
    uuid: container.uuid,
    owner: 'n1',
    state: 'running',
    name: 'spoken',
  });
  expect((await cluster.godwit('exec', 'spoken', '--', 'hostname')).stdout.trim()).toBe('spoken');
  expect(await cluster.lab.sh('n1', 'ls /var/lib/lxc')).toBe('spoken');
});
