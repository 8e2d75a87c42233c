// Knows the leases of the node's pods by what the daemon says, gets back those that a daemon before this one had, and answers the
// agent. The daemon keeps leases in its memory alone: after it ended nobody would renew them, and pods would lose their addresses.
import { addressIn, type CachedClient } from '../domain/dhcp/cached-client.ts';
import { isSilence, parseDaemonLine } from '../domain/dhcp/daemon-log.ts';
import {
  clientOf,
  entered,
  isCredible,
  isSilent,
  type Lease,
  type LeaseBook,
  pruned,
} from '../domain/dhcp/lease-book.ts';
import { type Failure, failedAgain, isPaused } from '../domain/dhcp/pause.ts';
import type { ClientName, DhcpAnswer, DhcpReport, ReportedLease } from '../domain/dhcp/protocol.ts';
import { isEqual } from '../domain/objects/equal.ts';
import { type Clock, sleep } from '../kernel/process/clock.ts';
import type { Logger } from '../kernel/process/logger.ts';
import { inParallel } from '../kernel/queue/in-parallel.ts';
import type { Clients } from './client-cache.ts';
import type { PluginPort } from './plugin.ts';
import type { PodLinksPort } from './pod-links.ts';
import { askAndDress, setAside } from './recovery.ts';

/** The cache is looked at again after this: for leases that nobody holds, and for links that have gone. In milliseconds. */
const LOOK_MS = 15_000;
/** So often silence is noticed. In milliseconds. */
const TICK_MS = 1000;
/** So many leases are asked for at a time: each is a thread of the daemon, and all of them are questions to one server. */
const AT_A_TIME = 8;
/** A lease that was given back is not missed before this: its file goes a moment later. In milliseconds. */
const GRACE_MS = 60_000;
/** So long after a lease came or went the cache is looked at with each tick. In milliseconds. */
const RECENT_MS = 5000;

export interface SupervisorOptions {
  readonly cache: { read(): Promise<Clients> };
  readonly plugin: PluginPort;
  readonly links: PodLinksPort;
  /** Called with each report that says something new. */
  readonly onReport: (report: DhcpReport) => void;
  /** Tells the time of day: leases are told in it. */
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #since: number;
  #book: LeaseBook = new Map();
  #clients: Clients = new Map();
  #report: DhcpReport;
  readonly #released = new Map<string, number>();
  /** Clients whose lease is being asked for or given up: two threads of the daemon must not have one lease. */
  readonly #asking = new Set<string>();
  readonly #looked = Promise.withResolvers<void>();
  readonly #failures = new Map<string, Failure>();
  /** Addresses that the server gave to running pods which were started with another one. */
  readonly #others = new Map<string, string>();
  /** Links that have lost their address with their lease, and since when. */
  readonly #off = new Map<string, number>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.#report = { since: this.#since, links: 0, leases: [] };
  }

  get report(): DhcpReport {
    return this.#report;
  }

  /** Resolves when it is known which links there are. */
  get looked(): Promise<void> {
    return this.#looked.promise;
  }

  /** Takes a line that the daemon has written. */
  hear(line: string): void {
    const event = parseDaemonLine(line);
    this.#options.logger.info({ daemon: line }, 'the daemon says');
    if (event === undefined || !isCredible(this.#book, event, new Set(this.#clients.keys()))) return;
    const now = this.#options.clock.now();
    if (event.type === 'Released') this.#released.set(event.client, now);
    this.#book = entered(this.#book, event, now);
    this.#publish();
    if (event.type === 'Bound' && event.isRebound === true) void this.#compare(event.client);
  }

  /**
   * Which address a lease is for by now: the daemon does not write it down, and leaves the link as it is. Of a lease that it holds,
   * ADD only tells.
   */
  async #compare(key: string): Promise<void> {
    const client = this.#clients.get(key);
    if (client === undefined || this.#asking.has(key)) return;
    this.#asking.add(key);
    try {
      this.#holds(client, addressIn(await this.#options.plugin.add(client)));
      this.#publish();
    } catch (error) {
      this.#options.logger.warn({ client: key, err: error }, 'could not see which address its lease is for');
    } finally {
      this.#asking.delete(key);
    }
  }

  /** Looks after leases until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#look();
    this.#looked.resolve();
    await Promise.all([
      this.#repeat(LOOK_MS, signal, () => this.#look()),
      this.#repeat(LOOK_MS, signal, () => this.#recoverAll(signal)),
      this.#repeat(TICK_MS, signal, () => this.#tick()),
    ]);
  }

  async #repeat(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await act();
      await sleep(this.#options.clock, ms, signal);
    }
  }

  async release(name: ClientName): Promise<DhcpAnswer> {
    return this.#answer(name, async (client) => {
      this.#released.set(clientOf(client), this.#options.clock.now());
      await this.#options.plugin.del(client);
      this.#off.delete(clientOf(client)); // the link is made anew
      this.#forget(clientOf(client));
      return {};
    });
  }

  async allocate(name: ClientName): Promise<DhcpAnswer> {
    return this.#answer(name, async (client) => {
      const result = await this.#options.plugin.add(client);
      this.#holds(client, addressIn(result));
      return { result };
    });
  }

  async #answer(
    name: ClientName,
    act: (client: CachedClient) => Promise<{ readonly result?: Readonly<Record<string, unknown>> }>,
  ): Promise<DhcpAnswer> {
    const key = clientOf(name);
    // The file is the one that DEL will be called with; nothing is done for what it does not know.
    const client = (await this.#options.cache.read()).get(key);
    if (client === undefined) return { ok: 'No', because: `no link ${key} is in CNI's result cache` };
    // Who waited behind the one that is at it would be gone by then.
    if (this.#asking.has(key)) return { ok: 'No', because: 'no DHCP server answers' };
    this.#asking.add(key);
    try {
      return { ok: 'Yes', ...(await act(client)) };
    } catch (error) {
      return { ok: 'No', because: this.#failed(key, error) };
    } finally {
      this.#asking.delete(key);
    }
  }

  async #look(): Promise<void> {
    const { cache, clock } = this.#options;
    this.#clients = await cache.read();
    const now = clock.now();
    this.#book = pruned(this.#book, new Set(this.#clients.keys()), now);
    for (const [key, at] of this.#released) if (now - at >= GRACE_MS) this.#released.delete(key);
    for (const map of [this.#others, this.#failures, this.#off]) {
      for (const key of map.keys()) if (!this.#clients.has(key)) map.delete(key);
    }
    this.#publish();
  }

  async #recoverAll(signal: AbortSignal): Promise<void> {
    const lost = [...this.#clients.values()].filter((client) => this.#isLost(clientOf(client)));
    await inParallel(lost, AT_A_TIME, (client) => this.#recover(client, signal));
  }

  /** No daemon of ours holds it, and nobody has just given it back. What was asked for in vain is asked for again, after a pause. */
  #isLost(key: string): boolean {
    const { phase = 'Asking' } = this.#book.get(key) ?? {};
    if ((phase !== 'Asking' && phase !== 'Expired') || this.#released.has(key) || this.#asking.has(key)) return false;
    return this.#clients.has(key) && !isPaused(this.#failures.get(key), this.#options.clock.now());
  }

  async #recover(client: CachedClient, signal: AbortSignal): Promise<void> {
    const { logger, clock } = this.#options;
    const key = clientOf(client);
    // It may have waited for minutes for its turn.
    if (signal.aborted || !this.#isLost(key)) return;
    this.#asking.add(key);
    try {
      const address = await this.#ask(client, signal);
      logger.info({ client: key, address }, 'has its lease again');
      this.#holds(client, address);
      this.#publish();
    } catch (error) {
      const because = this.#failed(key, error);
      const before = this.#failures.get(key);
      // Of a link that stays away it is tried again and again.
      if (before?.because !== because) logger.warn({ client: key, because }, 'could not get its lease again');
      this.#failures.set(key, failedAgain(before, because, clock.now()));
    } finally {
      this.#asking.delete(key);
    }
  }

  /** Resolves with the address that the server gave; the link has it then, if it had lost its own. */
  async #ask(client: CachedClient, signal: AbortSignal): Promise<string> {
    const { plugin, links, clock } = this.#options;
    const key = clientOf(client);
    const lease = this.#book.get(key)?.phase === 'Expired' ? 'Expired' : 'Other';
    if (!(await setAside(client, lease, links))) return addressIn(await plugin.add(client, signal));
    if (!this.#off.has(key)) this.#off.set(key, clock.now());
    return askAndDress(client, { plugin, links, signal });
  }

  #holds(client: CachedClient, address: string): void {
    const key = clientOf(client);
    if (address === client.address) this.#others.delete(key);
    else this.#others.set(key, address);
    this.#failures.delete(key);
    this.#off.delete(key);
  }

  /** The daemon says only that it asks. Where that failed at once, as for a link that is gone, it asks no more. */
  #failed(key: string, error: unknown): string {
    const because = error instanceof Error ? error.message : String(error);
    if (this.#off.has(key))
      this.#book = entered(this.#book, { type: 'Expired', client: key }, this.#options.clock.now());
    else if (!isSilence(because) && this.#book.get(key)?.phase === 'Asking') this.#forget(key);
    return because;
  }

  #forget(key: string): void {
    const book = new Map(this.#book);
    book.delete(key);
    this.#book = book;
    this.#publish();
  }

  /** Silence begins without any event; and files of links come and go a moment after their leases. */
  async #tick(): Promise<void> {
    const now = this.#options.clock.now();
    const isRecent = (at: number) => now - at < RECENT_MS;
    const isNew = [...this.#book].some(([key, lease]) => isRecent(lease.since) && !this.#clients.has(key));
    if (isNew || [...this.#released.values()].some(isRecent)) await this.#look();
    else this.#publish();
  }

  #publish(): void {
    const now = this.#options.clock.now();
    const leases = [...this.#book]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, lease]) => this.#told(key, lease, now));
    // A pod whose ADD is under way is in no file yet, and its DEL needs the daemon, too.
    const links = new Set([...this.#clients.keys(), ...this.#book.keys()]).size;
    const report = { since: this.#since, links, leases };
    if (isEqual(report, this.#report)) return;
    this.#report = report;
    this.#options.onReport(report);
  }

  #told(key: string, lease: Lease, now: number): ReportedLease {
    const otherAddress = this.#others.get(key);
    const since = this.#off.get(key);
    const isUnanswered =
      isSilent(lease, now) || (since !== undefined && isSilence(this.#failures.get(key)?.because ?? ''));
    return {
      ...lease,
      // To ask for it again does not make it any less lost.
      ...(since === undefined ? {} : { phase: 'Expired' as const, since }),
      server: isUnanswered ? 'Silent' : 'Answers',
      ...(otherAddress === undefined ? {} : { otherAddress }),
    };
  }
}
