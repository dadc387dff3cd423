import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const SCRIPT = new URL('../../../deploy/setup/engine', import.meta.url).pathname;
const SOCKET = '/run/godwit-engine/docker.sock';
/** The first time, programs are fetched and the image is built. */
const UP_MS = 900_000;

/** A Docker engine and the image of nats-server in it. */
export interface Engine {
  readonly image: string;
  /** Ends the engine if it was started for this test. */
  down(): Promise<void>;
}

/** The engine that DOCKER_HOST names, or one of our own; testcontainers finds it through its environment. */
export async function startEngine(): Promise<Engine> {
  // Its helper container would have to be pulled; the engine is thrown away instead.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  process.env.TESTCONTAINERS_HOST_OVERRIDE ??= '127.0.0.1';
  if (process.env.DOCKER_HOST) return { image: imageOf(await engine('image')), down: async () => undefined };
  const ownedByOthers = existsSync(SOCKET);
  const said = await engine('up');
  process.env.DOCKER_HOST = printed(said, 'DOCKER_HOST');
  return {
    image: imageOf(said),
    down: async () => {
      delete process.env.DOCKER_HOST;
      if (!ownedByOthers) await engine('down');
    },
  };
}

async function engine(verb: string): Promise<string> {
  const child = promisify(execFile)(SCRIPT, [verb], { timeout: UP_MS });
  child.child.stderr?.pipe(process.stderr);
  return (await child).stdout;
}

const imageOf = (said: string) => printed(said, 'GODWIT_NATS_IMAGE');

function printed(said: string, name: string): string {
  const value = new RegExp(`^${name}=(.+)$`, 'm').exec(said)?.[1];
  if (!value) throw new Error(`deploy/setup/engine did not print ${name}`);
  return value;
}
