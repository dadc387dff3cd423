import type { ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Lab } from './lab.ts';
import { until } from './until.ts';

/** Domain XML of a container with systemd whose root `lab rootfs system NAME` made; nobody gives its second interface an address. */
export function systemDomain(name: string, address: string): string {
  return `<domain type='lxc'>
  <name>${name}</name>
  <memory unit='MiB'>512</memory>
  <vcpu>2</vcpu>
  <os><type>exe</type><init>/sbin/init</init></os>
  <features><capabilities policy='allow'/></features>
  <metadata>
    <g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'>
      <g:lxc>
        <g:set key='lxc.pty.max' value='1024'/>
      </g:lxc>
    </g:settings>
  </metadata>
  <devices>
    <filesystem><source dir='/srv/godwit/${name}'/><target dir='/'/></filesystem>
    <interface type='bridge'><source bridge='br0'/><ip address='${address}' prefix='16'/></interface>
    <interface type='bridge'><source bridge='br0'/></interface>
  </devices>
</domain>`;
}

/** The ssh client of this machine on the lab's network, with a key of its own. */
export class SshUser {
  private readonly lab: Lab;
  private readonly address: string;
  private readonly dir: string;

  static async create(lab: Lab, address: string): Promise<SshUser> {
    const dir = await mkdtemp(join(tmpdir(), 'godwit-ssh-'));
    await chmod(dir, 0o700);
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')]);
    return new SshUser(lab, address, dir);
  }

  private constructor(lab: Lab, address: string, dir: string) {
    this.lab = lab;
    this.address = address;
    this.dir = dir;
  }

  async publicKey(): Promise<string> {
    return (await readFile(join(this.dir, 'key.pub'), 'utf8')).trim();
  }

  /** A new login that runs one command; rejects unless it exits 0. */
  async run(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.lab.run(this.arguments(['-n'], command));
    if (exitCode !== 0) throw new Error(`ssh: exit ${exitCode}: ${command}\n${stderr}\n${stdout}`);
    return stdout.trim();
  }

  /** Resolves when a login works. */
  reachable(): Promise<void> {
    return until('ssh answers', 120_000, async () => {
      return (await this.lab.run(this.arguments(['-n'], 'true'))).exitCode === 0;
    });
  }

  /** A login at a terminal that stays. */
  session(everyMs: number): Dialogue {
    return new Dialogue(this.lab.start(this.arguments(['-tt']), { stdin: 'pipe' }), everyMs);
  }

  close(): Promise<void> {
    return rm(this.dir, { recursive: true });
  }

  private arguments(flags: readonly string[], ...command: readonly string[]): string[] {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'ConnectTimeout=10',
      'ServerAliveInterval=0',
    ];
    const words = ['ssh', '-F', 'none', '-i', join(this.dir, 'key'), ...flags];
    return [
      'client',
      '--',
      ...words,
      ...options.flatMap((one) => ['-o', one]),
      `root@${this.address}`,
      ...command,
    ];
  }
}

/** A shell at a terminal over one connection, asked again and again: a counter that the shell itself keeps. */
export class Dialogue {
  private readonly child: ChildProcess;
  private readonly heard: number[] = [];
  private readonly timer: NodeJS.Timeout;
  private rest = '';
  private exited = false;

  /** @param everyMs how often it is asked */
  constructor(child: ChildProcess, everyMs: number) {
    this.child = child;
    child.once('exit', () => {
      this.exited = true;
    });
    child.stdin?.on('error', () => {});
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.rest + text).split('\n');
      this.rest = lines.pop() ?? '';
      this.heard.push(...lines.flatMap((line) => /answer (\d+)/.exec(line)?.[1] ?? []).map(Number));
    });
    this.timer = setInterval(() => child.stdin?.write('i=$((i+1)); echo answer $i\n'), everyMs);
  }

  /** How many answers came so far, each once and in order. @throws Error when not, or when the connection is gone */
  get answers(): number {
    const wrong = this.heard.find((answer, index) => answer !== index + 1);
    if (wrong !== undefined) throw new Error(`answer ${wrong} is out of order: ${this.heard.slice(-20)}`);
    if (this.exited) throw new Error(`the session ended after ${this.heard.length} answers`);
    return this.heard.length;
  }

  /** Resolves when the next answers came to questions that were asked after now. */
  async goesOn(): Promise<void> {
    const before = this.answers;
    await until('the session answers', 60_000, () => this.answers >= before + 5);
  }

  end(): void {
    clearInterval(this.timer);
    this.child.kill();
  }
}
