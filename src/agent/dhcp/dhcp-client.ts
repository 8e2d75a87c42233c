// The node's DHCP supervisor, as the agent sees it over a socket of the node: what it knows of leases, and what it is asked to do.

import type { DhcpSight } from '../../domain/dhcp/problems.ts';
import type { ClientName, DhcpAnswer, DhcpReport } from '../../domain/dhcp/protocol.ts';
import { isEqual } from '../../domain/objects/equal.ts';
import { type Clock, sleep } from '../../kernel/process/clock.ts';
import { askLine, connectLines } from '../../kernel/process/line-socket.ts';
import type { DhcpPort, DhcpWatch } from '../ports.ts';

/** A supervisor that is away is looked for so often. In milliseconds. */
const LOOK_MS = 1000;
/** One that is away for longer is missing: it is not just being started anew. In milliseconds. */
const MISSING_MS = 10_000;
/** A server that does not answer is not waited for longer: the link is then made another time. In milliseconds. */
const PATIENCE_MS = 12_000;

export class DhcpClient implements DhcpPort {
  readonly #path: string;
  readonly #clock: Clock;
  #report: DhcpReport | undefined;
  #sight: DhcpSight = { daemon: 'Starting' };
  #wake = new AbortController();

  /** @param path of the supervisor's socket, as seen from here */
  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  get sight(): DhcpSight {
    return this.#sight;
  }

  async run(signal: AbortSignal, { onChange, isNeeded }: DhcpWatch): Promise<void> {
    let seenAt = this.#clock.now();
    while (!signal.aborted) {
      const wasThere = isNeeded() && (await this.#listen(signal, onChange));
      // Until somebody needs it, nobody misses it.
      if (wasThere || !isNeeded()) seenAt = this.#clock.now();
      const isMissing = this.#clock.now() - seenAt >= MISSING_MS;
      this.#see({ daemon: isMissing ? 'Missing' : 'Starting', ...this.#lastReport() }, onChange);
      if (isNeeded()) {
        await sleep(this.#clock, LOOK_MS, signal);
      } else {
        await this.#reconsidered(signal);
        seenAt = this.#clock.now();
      }
    }
  }

  reconsider(): void {
    this.#wake.abort();
  }

  /** On most nodes nobody ever needs a daemon: no timer asks. */
  #reconsidered(signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    const woken = AbortSignal.any([signal, this.#wake.signal]);
    return new Promise((resolve) => {
      if (woken.aborted) resolve();
      else woken.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  release(name: ClientName): Promise<DhcpAnswer> {
    return this.#ask({ verb: 'Release', ...nameOf(name) });
  }

  allocate(name: ClientName): Promise<DhcpAnswer> {
    return this.#ask({ verb: 'Allocate', ...nameOf(name) });
  }

  async #ask(request: object): Promise<DhcpAnswer> {
    try {
      return JSON.parse(await askLine(this.#path, JSON.stringify(request), PATIENCE_MS)) as DhcpAnswer;
    } catch (error) {
      return { ok: 'No', because: wordsOf(error) };
    }
  }

  /** Resolves when the connection has ended: with whether there was one. */
  async #listen(signal: AbortSignal, onChange: () => void): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    try {
      const peer = await connectLines(this.#path, {
        onLine: (line) => this.#hear(line, onChange),
        onClose: () => resolve(true),
      });
      signal.addEventListener('abort', () => peer.close(), { once: true });
      if (signal.aborted) peer.close();
      peer.say(JSON.stringify({ verb: 'Watch' }));
    } catch {
      resolve(false);
    }
    return promise;
  }

  #hear(line: string, onChange: () => void): void {
    try {
      this.#report = JSON.parse(line) as DhcpReport;
    } catch {
      return; // half a line of one that was killed
    }
    this.#see({ daemon: 'There', report: this.#report }, onChange);
  }

  /** What a daemon that is away has said last of how many links need it. Its leases may be others by now. */
  #lastReport(): Pick<DhcpSight, 'report'> {
    return this.#report === undefined ? {} : { report: { ...this.#report, leases: [] } };
  }

  /** That a lease was renewed is news for the metric alone. */
  #see(sight: DhcpSight, onChange: () => void): void {
    const isNews = !isEqual(newsIn(sight), newsIn(this.#sight));
    this.#sight = sight;
    if (isNews) onChange();
  }
}

/** What conditions are made of. That a lease comes, is renewed and goes is none of it. */
function newsIn({ daemon, report }: DhcpSight): unknown {
  const leases = (report?.leases ?? []).flatMap(
    ({ container, network, interface: link, server, otherAddress, phase }) => {
      const isExpired = phase === 'Expired';
      const isNews = isExpired || server === 'Silent' || otherAddress !== undefined;
      return isNews ? [[container, network, link, server, otherAddress, isExpired]] : [];
    },
  );
  return [daemon, report?.links, leases];
}

function nameOf({ container, network, interface: link }: ClientName): ClientName {
  return { container, network, interface: link };
}

function wordsOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return "the node's DHCP daemon is not there";
  return message === `no answer within ${PATIENCE_MS} ms` ? 'no DHCP server answers' : String(message ?? error);
}
