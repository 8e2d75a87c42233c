// Watches over what the kernel does not announce: a setting of a shim that somebody writes through /proc/sys.
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
  #shims: readonly number[] = [];
  #cancel: (() => void) | undefined;

  constructor(options: ShimWatchOptions) {
    this.#options = options;
  }

  /** Watches the shims of this turn from now on. */
  watch({ plan, facts }: Outcome): void {
    const names = new Set(plan.shims.map((shim) => shim.name));
    this.#shims = facts.network.links.filter((link) => names.has(link.name)).map((link) => link.ifindex);
    if (this.#shims.length > 0 && this.#cancel === undefined) this.#arm();
  }

  stop(): void {
    this.#shims = [];
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
    for (const ifindex of this.#shims) {
      // A failure to look is no news: the next event or the next resync looks at everything.
      const link = await this.#options.network.readLink(ifindex).catch(() => undefined);
      if (link !== undefined && (link.arpFilter === false || link.addressGeneration === 'Other'))
        this.#options.onDeviation();
    }
    if (this.#shims.length > 0 && this.#cancel === undefined) this.#arm();
  }
}
