// The agent's door: it watches the leases, and has single ones given up and asked for anew when it makes a link again.
import type { DhcpReport, DhcpRequest } from '../domain/dhcp/protocol.ts';
import { type LinePeer, LineServer } from '../kernel/process/line-socket.ts';
import type { Supervisor } from './supervisor.ts';

export class Control {
  readonly #server: LineServer;
  readonly #watching = new Set<LinePeer>();

  /** @param path of the socket, as seen from here */
  constructor(path: string, supervisor: () => Supervisor) {
    this.#server = new LineServer(path, {
      onLine: (line, peer) => void this.#hear(line, peer, supervisor()),
      onClose: (peer) => this.#watching.delete(peer),
    });
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Tells everybody who watches. */
  tell(report: DhcpReport): void {
    for (const peer of this.#watching) peer.say(JSON.stringify(report));
  }

  async #hear(line: string, peer: LinePeer, supervisor: Supervisor): Promise<void> {
    const request = parse(line);
    if (request?.verb === 'Watch') {
      this.#watching.add(peer);
      peer.say(JSON.stringify(supervisor.report));
    } else if (request?.verb === 'Release') peer.say(JSON.stringify(await supervisor.release(request)));
    else if (request?.verb === 'Allocate') peer.say(JSON.stringify(await supervisor.allocate(request)));
    else peer.say(JSON.stringify({ ok: 'No', because: 'this is no request' }));
  }
}

function parse(line: string): DhcpRequest | undefined {
  try {
    return JSON.parse(line) as DhcpRequest;
  } catch {
    return undefined;
  }
}
