// A wire that can be cut or go dead between a client and a server, for what happens below HTTP (TLS included).

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { reset } from './reset.ts';

export class TcpProxy {
  /** How many connections were accepted so far. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #dead = false;

  constructor(target: URL) {
    // Half-open sides are allowed, so that a dead wire does not pass on that one of them hung up.
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      this.connections += 1;
      const far = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true });
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing passes in either direction, and nobody is told: like a pulled cable. */
  freeze(): void {
    this.#dead = true;
  }

  /** Passes on again; what was sent in between is lost with its connections. */
  thaw(): void {
    this.cut();
    this.#dead = false;
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) reset(socket);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => {
      if (!this.#dead) to.write(chunk);
    });
    from.on('end', () => {
      if (!this.#dead) to.end();
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#dead) to.destroy();
    });
  }
}
