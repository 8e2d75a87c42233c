// One process at a time leads: the one that holds the Lease. A candidate takes it over when it has not changed for as long as
// the lease lasts, by the candidate's own clock, so that machines with wrong clocks still agree.
//
//   holder      PUT .. PUT .. PUT .. (cut off) ......... 10 s without success: stops itself
//   candidate        sees the last PUT ................................ 15 s unchanged: takes over
import type { KubeClient } from '../kube/client.ts';
import { ApiError } from '../kube/transport.ts';
import { type Clock, monotonicClock, sleep, systemClock } from '../process/clock.ts';
import type { Part } from '../process/lifecycle.ts';
import type { Logger } from '../process/logger.ts';
import { isOlderVersion } from '../watch/version.ts';
import { heldBy, LEASE, type Lease, released } from './lease.ts';

export interface ElectorOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Who we are; unique per process, e.g. pod name and a random part. */
  readonly identity: string;
  readonly logger: Logger;
  /** For waiting and for judging how old the lease is; default the monotonic clock. */
  readonly clock?: Clock;
  /** For the times written into the lease; default the system clock. */
  readonly wallClock?: Clock;
  /** How long others wait for a holder that says nothing; default 15 000. */
  readonly leaseMs?: number;
  /** How long the holder goes on without being able to renew; default 10 000, less than `leaseMs`. */
  readonly renewMs?: number;
  /** Pause between attempts; default 2 000. */
  readonly retryMs?: number;
  /** Deadline of one request; default half of `renewMs`. */
  readonly requestMs?: number;
  /** Told when we begin and stop to lead, for metrics. */
  readonly onChange?: (leads: boolean) => void;
}

/** A candidate. `campaign` once; then either `lost` resolves, or `resign` is called. */
export class Elector {
  /**
   * Resolves when leadership is lost, or when nothing counts any more of what was seen. The process must then end: its workers can no
   * longer be trusted to be alone.
   */
  readonly lost: Promise<Error>;
  readonly #o: Required<Omit<ElectorOptions, 'onChange'>> & Pick<ElectorOptions, 'onChange'>;
  #resolveLost: (error: Error) => void = () => {};
  #seen: Lease | undefined;
  #seenAt = 0;
  #renewedAt = 0;
  #leads = false;
  #cancelDeadline: () => void = () => {};
  readonly #stopping = new AbortController();
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: ElectorOptions) {
    const renewMs = options.renewMs ?? 10_000;
    this.#o = {
      clock: monotonicClock,
      wallClock: systemClock,
      leaseMs: 15_000,
      renewMs,
      retryMs: 2_000,
      requestMs: renewMs / 2,
      ...options,
    };
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
  }

  /** True while we hold the lease by our own clock. Cheap: ask before what only a leader may do. */
  get leads(): boolean {
    return this.#leads && this.#o.clock.now() - this.#renewedAt < this.#o.renewMs;
  }

  /** Who holds the lease as far as we have seen; empty when nobody does. */
  get holder(): string {
    return this.#seen?.spec?.holderIdentity ?? '';
  }

  /** Tries to become the leader until it works or `signal` aborts. From then on the lease is renewed in the background. */
  async campaign(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.#attempt(signal)) {
        this.#lead();
        return;
      }
      await sleep(this.#o.clock, this.#o.retryMs * (1 + Math.random() / 5), signal);
    }
  }

  /** Gives the lease back, so that a follower need not wait. To be called when nothing acts for the leader any more. */
  async resign(): Promise<void> {
    this.#stopping.abort();
    await this.#renewing;
    const seen = this.#seen;
    if (!this.#leads || seen === undefined) return;
    this.#setLeads(false);
    try {
      await this.#withDeadline((signal) =>
        this.#o.client.replace(LEASE, released(seen, this.#o.wallClock.now()), signal),
      );
      this.#o.logger.info('gave the lease back');
    } catch (err) {
      this.#o.logger.warn({ err }, 'could not give the lease back; followers have to wait until it expires');
    }
  }

  #lead(): void {
    this.#o.logger.info({ identity: this.#o.identity }, 'leading');
    this.#setLeads(true);
    this.#renewing = this.#renew();
  }

  async #renew(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await sleep(this.#o.clock, this.#o.retryMs, signal);
      if (signal.aborted || !this.#leads) return;
      await this.#attempt(signal);
    }
  }

  // One attempt to take or renew the lease; true when it is ours. What goes wrong is logged, and a later attempt may succeed.
  async #attempt(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#takeOrRenew();
    } catch (err) {
      if (signal.aborted) return false;
      if (err instanceof ApiError && err.status === 409) this.#o.logger.debug({ err }, 'somebody else was faster');
      else this.#o.logger.warn({ err }, this.#leads ? 'could not renew the lease' : 'could not take the lease');
      return false;
    }
  }

  async #takeOrRenew(): Promise<boolean> {
    if (this.#leads && this.#seen !== undefined && (await this.#renewUnread(this.#seen))) return true;
    const current = await this.#withDeadline((signal) => this.#o.client.get(LEASE, this.#o.lease, signal));
    this.#observe(current);
    if (this.#stopping.signal.aborted) return false;
    if (!this.#isFree(current)) {
      if (this.#leads) this.#lose(`the lease is held by ${this.holder}`);
      return false;
    }
    await this.#write(current);
    return true;
  }

  // The usual case: nobody else wrote, so that one PUT does. False when somebody did, or the lease is gone.
  async #renewUnread(seen: Lease): Promise<boolean> {
    try {
      await this.#write(seen);
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) return false;
      throw error;
    }
  }

  async #write(current: Lease | undefined): Promise<void> {
    const { client, identity, lease, leaseMs } = this.#o;
    const sentAt = this.#o.clock.now(); // not when the answer came: others may count from any time after this
    const next = heldBy(identity, current ?? { metadata: lease }, { now: this.#o.wallClock.now(), leaseMs });
    const written = await this.#withDeadline((signal) =>
      current === undefined ? client.create(LEASE, next, signal) : client.replace(LEASE, next, signal),
    );
    this.#observe(written);
    // We have said meanwhile that we do not lead, and whoever asked has stopped for good: it is too late to go on.
    if (this.#leads && !this.leads) {
      this.#lose(`renewed too late, after more than ${this.#o.renewMs} ms`);
      return;
    }
    this.#renewedAt = sentAt;
    this.#cancelDeadline();
    const left = sentAt + this.#o.renewMs - this.#o.clock.now();
    this.#cancelDeadline = this.#o.clock.after(left, () => this.#lose(`not renewed for ${this.#o.renewMs} ms`));
  }

  #observe(lease: Lease | undefined): void {
    const before = this.#seen?.metadata.resourceVersion;
    if (lease !== undefined && before === lease.metadata.resourceVersion) return;
    // Versions only grow, unless the data was put back. What this process has seen since may never have been, its caches and all.
    if (isOlderVersion(lease?.metadata.resourceVersion ?? '', before ?? '')) {
      this.#end('the lease is an older one than before: the data of the API server was restored from a backup');
    }
    const holder = this.holder;
    this.#seen = lease;
    this.#seenAt = this.#o.clock.now();
    if (this.holder !== holder) this.#o.logger.info({ holder: this.holder }, 'the lease has a new holder');
  }

  #isFree(lease: Lease | undefined): boolean {
    const holder = lease?.spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#o.identity) return true;
    const lasts = Math.max((lease?.spec?.leaseDurationSeconds ?? 0) * 1000, this.#o.leaseMs);
    return this.#o.clock.now() - this.#seenAt >= lasts;
  }

  #lose(reason: string): void {
    if (this.#leads) this.#end(`leadership lost: ${reason}`);
  }

  #end(reason: string): void {
    if (this.#leads) this.#setLeads(false);
    this.#stopping.abort();
    this.#resolveLost(new Error(reason));
  }

  #setLeads(leads: boolean): void {
    this.#leads = leads;
    if (!leads) this.#cancelDeadline();
    this.#o.onChange?.(leads);
  }

  async #withDeadline<R>(call: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const controller = new AbortController();
    const { clock, requestMs } = this.#o;
    const cancel = clock.after(requestMs, () => controller.abort(new Error(`no answer within ${requestMs} ms`)));
    try {
      return await call(controller.signal);
    } finally {
      cancel();
    }
  }
}

/** The elector as a part of a process: the parts after it start when we lead; a lost lease ends the process. */
export function leaderPart(elector: Elector): Part {
  return {
    name: 'leader',
    async start(context) {
      void elector.lost.then((error) => context.fail(error));
      await elector.campaign(context.signal);
    },
    stop: () => elector.resign(),
  };
}
