// Watches over what the kernel does not announce: a setting of a shim that somebody writes through /proc/sys.
import type { Link } from '../domain/net/network.ts';
import type { Clock } from '../kernel/process/clock.ts';
import type { NetworkPort } from './ports.ts';
import type { Outcome } from './status.ts';

/** How often each shim is asked for its settings, in milliseconds: one small message per shim. */
const INTERVAL_MS = 1000;

export interface ShimWatchOptions {
  readonly network: NetworkPort;
  readonly clock: Clock;
  readonly onDeviation: () => void;
}

/** Asks for the shims of the last turn again and again; asks for a new turn when one has lost a setting. */
export class ShimWatch {
  readonly #options: ShimWatchOptions;
  /** By index: whether it is to answer for the node's IPv6 addresses. */
  #shims: ReadonlyMap<number, boolean> = new Map();
  #cancel: (() => void) | undefined;

  constructor(options: ShimWatchOptions) {
    this.#options = options;
  }

  /** Watches the shims of this turn from now on. */
  watch({ plan, facts }: Outcome): void {
    const planned = new Map(plan.shims.map((shim) => [shim.name, shim.proxied.length > 0]));
    this.#shims = new Map(
      facts.network.links.flatMap(({ name, ifindex }) => {
        const isProxy = planned.get(name);
        return isProxy === undefined ? [] : [[ifindex, isProxy] as const];
      }),
    );
    if (this.#shims.size > 0 && this.#cancel === undefined) this.#arm();
  }

  stop(): void {
    this.#shims = new Map();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    this.#cancel = this.#options.clock.after(INTERVAL_MS, () => {
      this.#cancel = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    for (const [ifindex, isProxy] of this.#shims) {
      // A failure to look is no news: the next event or the next resync looks at everything.
      const link = await this.#options.network.readLink(ifindex).catch(() => undefined);
      if (link !== undefined && hasLostSetting(link, isProxy)) this.#options.onDeviation();
    }
    if (this.#shims.size > 0 && this.#cancel === undefined) this.#arm();
  }
}

function hasLostSetting(link: Link, isProxy: boolean): boolean {
  if (link.arpFilter === false || link.addressGeneration === 'Other') return true;
  if (link.isNdpProxy === undefined) return false;
  return link.isNdpProxy !== isProxy || (isProxy && link.isIPv6Forwarding === false);
}
