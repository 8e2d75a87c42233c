// One at a time across processes: a name that the kernel takes back from its holder, however that ends. Nothing can be stale.
import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs `work` while holding the lock `name` (any text). `waiting` is told once, with its pid, when somebody else holds it. */
export async function withLock<T>(name: string, work: () => Promise<T>, waiting: (pid: number) => void): Promise<T> {
  // A leading zero byte: an abstract socket, which lives in no file system and ends with its last descriptor.
  const address = `\0macvlan-operator-${createHash('sha256').update(name).digest('hex')}`;
  let tell = waiting;
  for (;;) {
    const lock = await take(address);
    if (lock !== undefined) {
      try {
        return await work();
      } finally {
        await lock.release();
      }
    }
    await released(address, (pid) => {
      tell(pid);
      tell = () => {};
    });
  }
}

interface Lock {
  release(): Promise<void>;
}

/** Undefined when somebody else holds it. Whoever waits is connected, is told our pid, and notices when the socket closes. */
async function take(address: string): Promise<Lock | undefined> {
  const waiters = new Set<Socket>();
  const server = createServer((socket) => {
    waiters.add(socket);
    socket.on('error', () => {}).on('close', () => waiters.delete(socket));
    socket.write(`${process.pid}\n`);
  });
  if (!(await listens(server, address))) return undefined;
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of waiters) socket.destroy();
      }),
  };
}

function listens(server: Server, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(address, () => resolve(true));
  });
}

async function released(address: string, tell: (pid: number) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(address);
    socket.on('data', (text) => tell(Number(text.toString())));
    socket.on('error', () => {}).on('close', () => resolve());
  });
  await sleep(5); // refused: the holder is between closing and being gone
}
