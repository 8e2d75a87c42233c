// Stands between a client and a real API server and spoils what a test tells it to spoil. HTTP towards the client, HTTPS towards
// the server, so that it can change single requests and single lines of a watch.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { reset } from './reset.ts';

/** A request as the proxy saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
  /** The bearer token that came with it. */
  readonly token: string;
  /** When it came, on the monotonic clock. */
  readonly at: number;
}

/** What to do to a request instead of passing it on as it is. */
export type Fault =
  /** An answer of our own, with a Status object for a body. */
  | { readonly type: 'status'; readonly code: number; readonly reason?: string; readonly retryAfter?: number }
  /** A watch that begins with one ERROR line and ends. */
  | { readonly type: 'in-band'; readonly code: number; readonly message?: string }
  /** Pass it on; after so many lines, write half of the next one and end properly. */
  | { readonly type: 'half-line'; readonly afterLines: number }
  /** Pass it on; after so many lines, reset the connection. 0: before the headers. */
  | { readonly type: 'reset'; readonly afterLines: number }
  /** Send headers, then nothing, and keep the connection. */
  | { readonly type: 'silence' }
  /** Pass it on, and reset the connection when the answer is there: done, but nobody is told. */
  | { readonly type: 'lost-answer' }
  /** Not even headers. */
  | { readonly type: 'no-answer' }
  /** End a watch at once, properly. */
  | { readonly type: 'close' }
  /** Pass it on after a while. */
  | { readonly type: 'delay'; readonly ms: number };

interface Rule {
  readonly matches: (request: SeenRequest) => boolean;
  readonly fault: Fault;
  times: number;
}

/** Matches watches, and matches lists; not those of one object, by which it is asked where the server is. */
export const watches = (request: SeenRequest): boolean => request.isWatch;
export const lists = (request: SeenRequest): boolean =>
  request.method === 'GET' && !request.isWatch && request.query.get('limit') !== '1';

export class FaultProxy {
  /** Every request, in order. */
  readonly requests: SeenRequest[] = [];
  /** How many connections were accepted so far. */
  connections = 0;
  readonly #target: URL;
  readonly #agent: Agent;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #rules: Rule[] = [];
  readonly #openWatches = new Set<ServerResponse>();

  constructor(target: { readonly url: string; readonly ca: string }) {
    this.#target = new URL(target.url);
    this.#agent = new Agent({ keepAlive: true, ca: target.ca });
    this.#server = createServer((incoming, outgoing) => void this.#handle(incoming, outgoing));
    this.#server.requestTimeout = 0;
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  /** Where clients find it. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** Spoils the next `times` (default 1) matching requests. Earlier rules go first. */
  inject(matches: (request: SeenRequest) => boolean, fault: Fault, times = 1): void {
    this.#rules.push({ matches, fault, times });
  }

  /** Forgets what is still to be spoiled. */
  clear(): void {
    this.#rules.length = 0;
  }

  /** Resets every connection that carries a watch now, in the middle of the stream. */
  resetWatches(): void {
    for (const response of this.#openWatches) reset(response.socket);
  }

  /** Resets every connection, silent ones included. */
  cut(): void {
    for (const socket of this.#sockets) reset(socket);
  }

  get watchCount(): number {
    return this.#openWatches.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.on('error', () => {});
    const seen = describeRequest(incoming);
    this.requests.push(seen);
    const fault = this.#faultFor(seen);
    if (fault !== undefined && answerOurselves(fault, incoming, outgoing)) return;
    if (fault?.type === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    this.#forward(incoming, outgoing, seen, fault);
  }

  #faultFor(seen: SeenRequest): Fault | undefined {
    const rule = this.#rules.find((one) => one.times > 0 && one.matches(seen));
    if (rule !== undefined) rule.times -= 1;
    return rule?.fault;
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse, seen: SeenRequest, fault: Fault | undefined): void {
    const upstream = request(
      {
        agent: this.#agent,
        host: this.#target.hostname,
        port: this.#target.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      (response) => {
        if (fault?.type === 'lost-answer') {
          response.destroy();
          reset(outgoing.socket);
          return;
        }
        outgoing.writeHead(response.statusCode ?? 502, passedOn(response.headers));
        outgoing.flushHeaders();
        if (seen.isWatch) this.#track(outgoing);
        passLines(response, outgoing, fault);
      },
    );
    upstream.on('error', () => reset(outgoing.socket));
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  }

  #track(response: ServerResponse): void {
    this.#openWatches.add(response);
    response.on('close', () => this.#openWatches.delete(response));
  }
}

function describeRequest(incoming: IncomingMessage): SeenRequest {
  const url = new URL(incoming.url ?? '/', 'http://proxy');
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    isWatch: url.searchParams.get('watch') === 'true',
    token: (incoming.headers.authorization ?? '').replace(/^Bearer /, ''),
    at: performance.now(),
  };
}

// True when the server behind is not to be asked at all.
function answerOurselves(fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  const json = { 'content-type': 'application/json' };
  switch (fault.type) {
    case 'status': {
      const wait = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      outgoing.writeHead(fault.code, { ...json, ...wait }).end(JSON.stringify(statusObject(fault)));
      return true;
    }
    case 'in-band':
      outgoing.writeHead(200, json).end(`${JSON.stringify({ type: 'ERROR', object: statusObject(fault) })}\n`);
      return true;
    case 'silence':
      outgoing.writeHead(200, json).flushHeaders();
      return true;
    case 'close':
      outgoing.writeHead(200, json).end();
      return true;
    case 'no-answer':
      return true;
    case 'reset':
      if (fault.afterLines === 0) reset(incoming.socket);
      return fault.afterLines === 0;
    default:
      return false;
  }
}

function statusObject(fault: { readonly code: number; readonly reason?: string; readonly message?: string }) {
  const { code, reason = 'Injected', message = 'injected by the test' } = fault;
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

function passedOn(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const { connection: _, 'transfer-encoding': __, ...rest } = headers;
  return rest;
}

function passLines(from: IncomingMessage, to: ServerResponse, fault: Fault | undefined): void {
  from.on('error', () => reset(to.socket));
  if (fault?.type !== 'half-line' && fault?.type !== 'reset') {
    from.pipe(to);
    return;
  }
  let lines = 0;
  let rest = '';
  from.on('end', () => to.end(rest));
  from.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (lines === fault.afterLines) {
        from.destroy();
        if (fault.type === 'reset') reset(to.socket);
        else to.end(line.slice(0, line.length / 2));
        return;
      }
      lines += 1;
      to.write(`${line}\n`);
    }
  });
}
