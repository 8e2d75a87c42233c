// Brings the API server's port into a namespace: a listener in there, joined to one out here by a socket in the file system.
import { connect, createServer, type Server, type Socket } from 'node:net';

function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  const end = (): void => {
    one.destroy();
    other.destroy();
  };
  for (const socket of [one, other]) socket.on('error', end).on('close', end);
}

/** Out here: each connection to the socket at `path` goes to a port on the loopback address. Close the result at the end. */
export async function openTunnel(path: string, port: number): Promise<Server> {
  const server = createServer((socket) => join(socket, connect(port, '127.0.0.1')));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

// In there: `node tunnel.ts PORT PATH`.
if (process.argv[1] === import.meta.filename) {
  const [, , port = '0', path = ''] = process.argv;
  const server = createServer((socket) => join(socket, connect(path)));
  server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
  // Ends with whoever started it, however that ends.
  process.stdin.on('end', () => process.exit()).resume();
}
