// The one way to the API server: keep-alive HTTP for requests and for watch streams. It knows HTTP, not Kubernetes kinds.
import type { Agent, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { http, https } from '../process/http.ts';
import { readJson, readLines } from './body.ts';

/** What a TLS connection is made with. A new object (by identity) means new connections. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

/** Where the API server is and how to be somebody there. */
export interface Credentials {
  /** Scheme (https or http), host, port, and a path prefix if the server is behind one. */
  readonly server: URL;
  /** Headers that authenticate; called before each request, so it must be cheap. */
  headers(): Promise<Record<string, string>>;
  /** Called after `headers()` for each request; the same object as long as nothing changed. */
  tls(): TlsOptions;
  /** Reads everything again, for a request that was refused. True when something changed, so that trying again has a point. */
  refresh?(): Promise<boolean>;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path, without the server's own prefix. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the response's headers; default 10 s. A body may then pause for at most 30 s, a stream for ever. */
  readonly timeoutMs?: number;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; text when it is not JSON; undefined when empty. */
  readonly body: unknown;
}

export interface StreamResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** One item per line, without the line break. Rejects when the connection breaks or the last line is cut off. */
  readonly lines: AsyncIterable<string>;
}

/** An answer of the API server that says no. */
export class ApiError extends Error {
  readonly status: number;
  /** The reason of the Status object, such as `Conflict`; `Unknown` when there is none. */
  readonly reason: string;
  /** How long the server asks us to stay away. */
  readonly retryAfterMs?: number;
  readonly body?: unknown;

  constructor(message: string, init: { status: number; reason?: string; retryAfterMs?: number; body?: unknown }) {
    super(message);
    this.name = 'ApiError';
    this.status = init.status;
    this.reason = init.reason ?? 'Unknown';
    if (init.retryAfterMs !== undefined) this.retryAfterMs = init.retryAfterMs;
    if (init.body !== undefined) this.body = init.body;
  }
}

/** The error for a response with a status of 400 or more. `what` says what was being done, e.g. `GET /api/v1/pods`. */
export function apiErrorFor(what: string, response: TransportResponse): ApiError {
  const body = response.body as { message?: unknown; reason?: unknown } | string | undefined;
  const object = typeof body === 'object' && body !== null ? body : {};
  const said = typeof object.message === 'string' ? object.message : typeof body === 'string' ? body.trim() : '';
  const seconds = Number(response.headers['retry-after']);
  return new ApiError(`${what}: ${response.status}${said === '' ? '' : ` ${said.slice(0, 2000)}`}`, {
    status: response.status,
    ...(typeof object.reason === 'string' && object.reason !== '' ? { reason: object.reason } : {}),
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}),
    ...(body === undefined ? {} : { body }),
  });
}

/** What a transport tells about its requests, for metrics. */
export interface RequestObserver {
  /** The headers of an answer came after so many seconds; status 0: no answer came. */
  answered?(method: TransportRequest['method'], status: number, seconds: number): void;
}

export interface TransportOptions {
  readonly observer?: RequestObserver | undefined;
  /** Default deadline for headers, in milliseconds; default 10 000. */
  readonly headersTimeoutMs?: number;
  /** How long a body that is read as a whole may pause; default 30 000. */
  readonly bodyIdleMs?: number;
  /** When an unused connection is closed; default 60 000, below the API server's own 90 s. */
  readonly idleSocketMs?: number;
  /** In the User-Agent header; default `macvlan-operator`. */
  readonly userAgent?: string;
}

const KEEP_ALIVE_MS = 15_000; // finds a half-open peer: libuv then probes every second and gives up after ten

/** HTTP/1.1 with keep-alive to one server. Make one per process; `close()` ends its connections. */
export class Transport {
  readonly #credentials: Credentials;
  readonly #options: TransportOptions;
  #tls: TlsOptions | undefined;
  #agent: Agent | undefined;
  #closed = false;

  constructor(credentials: Credentials, options: TransportOptions = {}) {
    this.#credentials = credentials;
    this.#options = options;
  }

  /** Sends a request and reads the whole response. Rejects only when there is no (whole) response; any status is an answer. */
  async request(req: TransportRequest): Promise<TransportResponse> {
    const { response, done } = await this.#send(req);
    try {
      const body = await readJson(response, this.#options.bodyIdleMs ?? 30_000);
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    } finally {
      done();
    }
  }

  /** Sends a request and gives its body line by line. A status of 400 or more rejects with an ApiError. */
  async stream(req: TransportRequest): Promise<StreamResponse> {
    const { response, done } = await this.#send(req);
    const status = response.statusCode ?? 0;
    if (status < 400) return { status, headers: response.headers, lines: readLines(response, done) };
    try {
      const body = await readJson(response, this.#options.bodyIdleMs ?? 30_000);
      throw apiErrorFor(`${req.method} ${req.path}`, { status, headers: response.headers, body });
    } finally {
      done();
    }
  }

  /** Ends every connection, in use or not. Requests after this reject. */
  close(): void {
    this.#closed = true;
    this.#agent?.destroy();
  }

  // One more try where that is safe and has a point: new credentials after a refusal, or a kept connection that the
  // server closed at the moment we used it.
  async #send(req: TransportRequest): Promise<Sent> {
    let sent: Sent;
    try {
      sent = await this.#sendOnce(req);
    } catch (error) {
      if (req.signal?.aborted || this.#closed) throw error;
      if (isCertificateProblem(error) ? await this.#refresh() : error instanceof StaleConnection && isRepeatable(req)) {
        return this.#sendOnce(req);
      }
      throw error;
    }
    if (sent.response.statusCode !== 401 || !(await this.#refresh())) return sent;
    sent.response.resume();
    sent.done();
    return this.#sendOnce(req);
  }

  async #refresh(): Promise<boolean> {
    return (await this.#credentials.refresh?.()) ?? false;
  }

  async #sendOnce(req: TransportRequest): Promise<Sent> {
    req.signal?.throwIfAborted();
    const auth = await this.#credentials.headers();
    const agent = this.#currentAgent();
    const body = req.body === undefined ? undefined : Buffer.from(JSON.stringify(req.body));
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': this.#options.userAgent ?? 'macvlan-operator',
      ...auth,
    };
    if (body !== undefined) {
      headers['content-type'] = req.contentType ?? 'application/json';
      headers['content-length'] = String(body.length);
    }
    const sent = send(this.#urlFor(req), { method: req.method, headers, agent }, body, {
      signal: req.signal,
      timeoutMs: req.timeoutMs ?? this.#options.headersTimeoutMs ?? 10_000,
      what: `${req.method} ${req.path}`,
    });
    return this.#options.observer === undefined ? sent : observed(sent, req, this.#options.observer);
  }

  #urlFor(req: TransportRequest): URL {
    const url = new URL(this.#credentials.server);
    url.pathname = url.pathname.replace(/\/$/, '') + req.path;
    for (const [key, value] of Object.entries(req.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    return url;
  }

  #currentAgent(): Agent {
    if (this.#closed) throw new Error('the transport is closed');
    const tls = this.#credentials.tls();
    if (this.#agent !== undefined && this.#tls === tls) return this.#agent;
    if (this.#agent !== undefined) retire(this.#agent);
    this.#tls = tls;
    const timeout = this.#options.idleSocketMs ?? 60_000; // concerns unused connections only: a quiet watch stays
    const common = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxFreeSockets: 64, timeout };
    this.#agent =
      this.#credentials.server.protocol === 'http:' ? new http.Agent(common) : new https.Agent({ ...common, ...tls });
    return this.#agent;
  }
}

/** A kept connection broke as we wrote into it, most likely closed by the server before that. */
class StaleConnection extends Error {}

interface Sent {
  readonly response: IncomingMessage;
  /** Lets go of the caller's signal; call it when the body has been read. */
  readonly done: () => void;
}

// Idle connections go at once, busy ones (a watch, a write) when they are done.
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) (socket as Socket).destroy();
  }
}

function send(
  url: URL,
  options: RequestOptions,
  body: Buffer | undefined,
  limits: { signal?: AbortSignal | undefined; timeoutMs: number; what: string },
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? http : https).request(url, options);
    let receiving: IncomingMessage | undefined;
    const abort = () => (receiving ?? request).destroy(limits.signal?.reason ?? new Error('aborted'));
    const deadline = setTimeout(
      () => request.destroy(new Error(`${limits.what}: no answer within ${limits.timeoutMs} ms`)),
      limits.timeoutMs,
    );
    const done = () => limits.signal?.removeEventListener('abort', abort);
    limits.signal?.addEventListener('abort', abort, { once: true });
    request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline);
      done();
      const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale ? new StaleConnection(`${limits.what}: the server closed the connection`, { cause: error }) : error);
    });
    request.on('response', (response) => {
      clearTimeout(deadline);
      receiving = response;
      response.on('error', () => {}); // whoever reads it is told; without a reader it must not end the process
      resolve({ response, done });
    });
    request.end(body);
  });
}

async function observed(sent: Promise<Sent>, req: TransportRequest, observer: RequestObserver): Promise<Sent> {
  const started = performance.now();
  let status = 0;
  try {
    const answer = await sent;
    status = answer.response.statusCode ?? 0;
    return answer;
  } finally {
    observer.answered?.(req.method, status, (performance.now() - started) / 1000);
  }
}

// A request whose second arrival changes nothing: reads, and an apply, which says how things should be.
function isRepeatable(req: TransportRequest): boolean {
  return req.method === 'GET' || req.contentType === 'application/apply-patch+yaml';
}

function isCertificateProblem(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('CERT_') || code.includes('SELF_SIGNED') || code.startsWith('UNABLE_TO_');
}
