import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Cluster } from './cluster.ts';
import { labDisk } from './lab.ts';

const SUITE = 'forky';
const IMAGE = join(process.env.GODWIT_CACHE ?? '/var/cache/godwit', `postgres-${SUITE}`);
const BIN = '/usr/lib/postgresql/18/bin';
const DATA = '/var/lib/postgresql/data';

/** CRIU cannot dump what holds the node's files: the server's standard streams are the container's own /dev/null. */
const INIT = `#!/bin/sh
exec </dev/null >/dev/null 2>&1
exec setpriv --reuid=postgres --regid=postgres --init-groups -- ${BIN}/postgres -D ${DATA}
`;
const CONF = `listen_addresses = '*'
unix_socket_directories = '/tmp'
dynamic_shared_memory_type = mmap
shared_buffers = 64MB
max_wal_size = 256MB
`;

/** Debian with its package postgresql and nothing else; built once, some two minutes. */
async function image(): Promise<string> {
  if (existsSync(IMAGE)) return IMAGE;
  const conf =
    'mkdir -p "$1/etc/postgresql-common"; echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"';
  await rm(`${IMAGE}.tmp`, { recursive: true, force: true });
  await execa('mmdebstrap', [
    '--variant=minbase',
    '--include=postgresql',
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=APT::Install-Recommends "false"',
    `--essential-hook=${conf}`,
    SUITE,
    `${IMAGE}.tmp`,
  ]);
  await rename(`${IMAGE}.tmp`, IMAGE);
  return IMAGE;
}

/** Puts a root file system with an empty database on a node's own disk. */
export async function makePostgres({ lab }: Cluster, node: string, name: string): Promise<void> {
  const local = join(labDisk, lab.instance, node, 'local');
  const root = join(local, name);
  await mkdir(local, { recursive: true });
  await execa('cp', ['-a', await image(), root]);
  await writeFile(join(root, 'init'), INIT, { mode: 0o755 });
  await execa('chroot', ['--userspec=101:101', root, `${BIN}/initdb`, '-D', DATA, '-A', 'trust']);
  const append = { flag: 'a' } as const;
  await writeFile(join(root, DATA, 'postgresql.conf'), CONF, append);
  await writeFile(join(root, DATA, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n', append);
}

/** Runs a program of PostgreSQL outside all nodes; never rejects for an exit code. */
export function pg({ lab }: Cluster, host: string, program: string, ...args: readonly string[]) {
  return lab.run([
    'client',
    '--',
    'chroot',
    IMAGE,
    `${BIN}/${program}`,
    '-h',
    host,
    '-U',
    'postgres',
    ...args,
  ]);
}
