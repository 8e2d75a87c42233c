// A real registry on loopback for tests, its images put there by crane; and servers that are no good one.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { writeDockerArchive } from '../../scripts/docker-archive.ts';
import { buildTools } from '../cluster/binaries.ts';
import { silent } from '../cluster/progress.ts';
import { crane } from '../cluster/tools.ts';
import { runOrThrow } from './run.ts';

const PUSH_WITHIN_MS = 10 * 60_000;

export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Puts a docker archive there as `name` (`repository:tag`); gives the reference. */
  push(archive: string, name: string): Promise<string>;
  /** Makes an image of one program, at this path in it, and puts it there. */
  pushProgram(program: string, options: { path: string; name: string; architecture?: string }): Promise<string>;
  /** It is gone with everything in it. */
  end(): Promise<void>;
}

export async function startRegistry(): Promise<TestRegistry> {
  const { crane: program = 'crane' } = await buildTools([crane], silent);
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-registry-'));
  const server = spawn(program, ['registry', 'serve', '--address', '127.0.0.1:0', '--disk', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const host = `127.0.0.1:${await portOf(server)}`;
  const push = async (archive: string, name: string) => {
    await runOrThrow([program, 'push', archive, `${host}/${name}`], { timeoutMs: PUSH_WITHIN_MS });
    return `${host}/${name}`;
  };
  return {
    host,
    push,
    pushProgram: async (path, { path: inImage, name, architecture }) => {
      const work = mkdtempSync(join(tmpdir(), 'macvlan-registry-image-'));
      try {
        const root = join(work, 'root');
        mkdirSync(dirname(join(root, inImage)), { recursive: true });
        cpSync(path, join(root, inImage));
        const out = join(work, 'image.tar');
        const entrypoint = [`/${inImage}`];
        const other = architecture === undefined ? {} : { architecture };
        await writeDockerArchive({ root, reference: `localhost/${name}`, entrypoint, out, ...other });
        return await push(out, name);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    },
    end: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The registry writes down its port when it serves. */
function portOf(server: ChildProcess): Promise<number> {
  const { stderr } = server;
  if (stderr === null) throw new Error('the registry has no standard error');
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the registry ended with ${code}`)));
    createInterface({ input: stderr }).on('line', (line) => {
      const port = /serving on port (\d+)/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

/** A server on loopback that takes connections and says nothing; gives it with its `127.0.0.1:PORT`. */
export async function startMuteServer(): Promise<{ readonly host: string; readonly server: Server }> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: `127.0.0.1:${address.port}`, server };
}
