// The one thing of a cluster in the machine's own network: a loopback port to its API server. The listening socket is made
// there, then handed to this program, which runs inside the control plane's namespace and so connects from there.
import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Arguments: the port to connect to, on this namespace's loopback. */
if (import.meta.main) serve(Number(process.argv[2]));

function serve(target: number): void {
  process.on('message', (_message, handle) => {
    const server = handle as Server;
    server.on('connection', (socket) => join(socket, connect({ port: target, host: '127.0.0.1', noDelay: true })));
    process.send?.('ready', () => process.disconnect());
  });
}

function join(one: Socket, other: Socket): void {
  one.setNoDelay(true);
  one.pipe(other);
  other.pipe(one);
  const end = () => {
    one.destroy();
    other.destroy();
  };
  for (const socket of [one, other]) socket.on('error', end).on('close', end);
}

/**
 * Listens on a free loopback port here and hands the socket to a forwarder that `enter` puts into the other namespace.
 * Gives the port and the forwarder's pid.
 */
export async function startForwarder(
  enter: (argv: readonly string[]) => readonly string[],
  target: number,
  logFile: string,
): Promise<{ port: number; pid: number }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const [program = '', ...before] = enter([process.execPath]);
  const log = openSync(logFile, 'a');
  const child = fork(import.meta.filename, [String(target)], {
    execPath: program,
    execArgv: before,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the forwarder ended with ${code}; see ${logFile}`)));
    child.on('message', () => resolve());
    child.send('listen', server);
  });
  server.close();
  child.removeAllListeners();
  child.unref();
  if (child.pid === undefined) throw new Error('the forwarder has no pid');
  return { port: address.port, pid: child.pid };
}
