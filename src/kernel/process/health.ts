// The endpoints that the kubelet and Prometheus ask: /healthz, /readyz, /metrics. First up, last down.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { http } from './http.ts';

/** Says what is wrong, in a sentence, or nothing. */
export type Check = () => string | undefined;

export interface HealthOptions {
  /** Port of /healthz and /readyz; 0 takes any free one. */
  readonly port: number;
  /** Port of /metrics; default the same. */
  readonly metricsPort?: number;
  /** Address to listen on; default all. */
  readonly host?: string;
  /** Named checks; a process that fails one is restarted. Only for what a restart would mend. */
  readonly live?: Readonly<Record<string, Check>>;
  /** Named checks; a process that fails one gets no traffic and holds up a rollout. */
  readonly ready?: Readonly<Record<string, Check>>;
  /** The text for /metrics. */
  readonly metrics?: () => Promise<string>;
}

/**
 * So many connections are kept; one more ends the oldest. Whoever reaches the port can connect and say nothing: that must neither
 * cost descriptors without end, nor keep out a probe, which is served in milliseconds.
 */
const MOST_CONNECTIONS = 32;

type Handler = () => Promise<{ readonly status: number; readonly type: string; readonly text: string }>;

/** Serves the endpoints between `start` and `stop`. */
export class HealthServer {
  readonly #options: HealthOptions;
  readonly #servers: Server[] = [];

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Listens. Rejects when a port is taken. */
  async start(): Promise<void> {
    const { port, metricsPort = port, live = {}, ready = {}, metrics } = this.#options;
    const probes: Record<string, Handler> = { '/healthz': () => checked(live), '/readyz': () => checked(ready) };
    const scrape: Record<string, Handler> = metrics === undefined ? {} : { '/metrics': () => exposition(metrics) };
    if (metricsPort === port) return this.#listen(port, { ...probes, ...scrape });
    await this.#listen(port, probes);
    await this.#listen(metricsPort, scrape);
  }

  /** The port of the probes, once started. */
  get port(): number {
    return (this.#servers[0]?.address() as AddressInfo | null)?.port ?? 0;
  }

  async stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    }
  }

  #listen(port: number, routes: Readonly<Record<string, Handler>>): Promise<void> {
    const server = http.createServer((request, response) => void answer(routes, request, response));
    keepFew(server);
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, this.#options.host, resolve);
    });
  }
}

function keepFew(server: Server): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const [oldest] = sockets;
    if (sockets.size > MOST_CONNECTIONS) oldest?.destroy();
  });
}

async function answer(
  routes: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const handler = Object.hasOwn(routes, path) ? routes[path] : undefined;
  const { status, type, text } = handler === undefined ? notFound : await handler().catch(broken);
  response.writeHead(status, { 'content-type': type });
  response.end(text);
}

const notFound = { status: 404, type: 'text/plain', text: 'not found\n' };

function broken(error: unknown) {
  return { status: 500, type: 'text/plain', text: `${String(error)}\n` };
}

async function checked(checks: Readonly<Record<string, Check>>) {
  const lines = Object.entries(checks).map(([name, check]) => {
    const problem = check();
    return { ok: problem === undefined, line: problem === undefined ? `[+] ${name}` : `[-] ${name}: ${problem}` };
  });
  const ok = lines.every((line) => line.ok);
  const text = [...lines.map((line) => line.line), ok ? 'ok' : 'failed'].join('\n');
  return { status: ok ? 200 : 503, type: 'text/plain', text: `${text}\n` };
}

async function exposition(metrics: () => Promise<string>) {
  return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: await metrics() };
}
