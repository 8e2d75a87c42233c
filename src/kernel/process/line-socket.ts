// Lines of text between two processes of one machine, over a socket in a folder that both see. Whoever may open the file may talk.
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

/** The other end of a connection. */
export interface LinePeer {
  /** Says one line; what is said to somebody who has gone is lost. */
  say(line: string): void;
  close(): void;
}

export interface LineHandlers {
  readonly onLine: (line: string, peer: LinePeer) => void;
  readonly onClose?: (peer: LinePeer) => void;
}

/** Listens at a path. A file that somebody left there is taken away: who listens has to be sure that nobody else does. */
export class LineServer {
  readonly #path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(path: string, handlers: LineHandlers) {
    this.#path = path;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      attend(socket, handlers);
    });
  }

  /** Rejects when the folder cannot be written. */
  async start(): Promise<void> {
    mkdirSync(dirname(this.#path), { recursive: true });
    rmSync(this.#path, { force: true });
    this.#server.listen(this.#path);
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Connects to who listens at a path. Rejects when nobody does. `onClose` is called once, when the connection has ended. */
export async function connectLines(path: string, handlers: LineHandlers): Promise<LinePeer> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  return attend(socket, handlers);
}

/** One question, one answer. Rejects when nobody listens, when the other end hangs up, and after `timeoutMs`. */
export async function askLine(path: string, question: string, timeoutMs: number): Promise<string> {
  let peer: LinePeer | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      const tooLate = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      const settle = (settled: () => void) => {
        clearTimeout(tooLate);
        settled();
      };
      connectLines(path, {
        onLine: (line) => settle(() => resolve(line)),
        onClose: () => settle(() => reject(new Error('the connection was closed before an answer came'))),
      }).then(
        (connected) => {
          peer = connected;
          peer.say(question);
        },
        (error: unknown) => settle(() => reject(error)),
      );
    });
  } finally {
    peer?.close();
  }
}

function attend(socket: Socket, { onLine, onClose }: LineHandlers): LinePeer {
  const peer: LinePeer = {
    say: (line) => void (socket.writable && socket.write(`${line}\n`)),
    close: () => socket.destroy(),
  };
  // Errors end in `close`, which says all that is needed.
  socket.on('error', () => {});
  socket.on('close', () => onClose?.(peer));
  createInterface({ input: socket })
    .on('line', (line) => onLine(line, peer))
    .on('error', () => {});
  return peer;
}
