// Watches over what the kernel does not announce: settings of a shim that somebody writes through /proc/sys, and what it answers for.
import type { Link } from '../domain/net/network.ts';
import { isEqual } from '../domain/objects/equal.ts';
import { isComplete } from '../domain/shim/diff.ts';
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

/** A shim when all about it was right. */
interface Whole {
  /** The IPv6 addresses that it answers for. */
  readonly proxied: readonly string[];
  readonly settings: ReturnType<typeof settingsOf>;
}

/** Asks for the shims of the last turn again and again; asks for a new turn when one has lost a setting. */
export class ShimWatch {
  readonly #options: ShimWatchOptions;
  /** By index. */
  #shims: ReadonlyMap<number, Whole> = new Map();
  #cancel: (() => void) | undefined;

  constructor(options: ShimWatchOptions) {
    this.#options = options;
  }

  /** Watches the shims that were whole after this turn from now on; the others have their turn anyway. */
  watch({ plan, facts }: Outcome): void {
    const whole = plan.shims.filter((shim) => isComplete(shim, facts.network));
    const planned = new Map(whole.map((shim) => [shim.name, shim.proxied]));
    this.#shims = new Map(
      facts.network.links.flatMap((link) => {
        const proxied = planned.get(link.name);
        return proxied === undefined ? [] : [[link.ifindex, { proxied, settings: settingsOf(link) }] as const];
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
    const { network, onDeviation } = this.#options;
    for (const [ifindex, { proxied, settings }] of this.#shims) {
      // A failure to look is no news: the next event or the next resync looks at everything.
      const link = await network.readLink(ifindex).catch(() => undefined);
      if (link === undefined) continue;
      const there = link.isNdpProxy === true ? await network.readProxied(ifindex).catch(() => proxied) : [];
      if (!isEqual(settingsOf(link), settings) || !isEqual([...there].sort(), proxied)) onDeviation();
    }
    if (this.#shims.size > 0 && this.#cancel === undefined) this.#arm();
  }
}

/** What changes without an event. */
function settingsOf({ arpFilter, addressGeneration, acceptsRouters, isNdpProxy, isIPv6Forwarding, egress }: Link) {
  return { arpFilter, addressGeneration, acceptsRouters, isNdpProxy, isIPv6Forwarding, egress };
}
