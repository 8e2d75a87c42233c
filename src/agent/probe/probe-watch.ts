// When to probe: as soon as a NIC is verified or has changed, and again after a long while. One probe at a time.
import { type ProbeFinding, type ProbeWish, probeAgainMs, probeKeyOf } from '../../domain/parent/mac-filter.ts';
import type { Answer } from '../../kernel/controller/controller.ts';
import type { Clock } from '../../kernel/process/clock.ts';
import type { Logger } from '../../kernel/process/logger.ts';
import type { ProbePort } from '../ports.ts';

/** A NIC that comes and goes is not probed each time. In milliseconds. */
const LEAST_PAUSE_MS = 60_000;
/** After a probe that could not be made: the agent may not yet have the right to. In milliseconds. */
const FAILED_PAUSE_MS = 600_000;

export interface ProbeWatchOptions {
  readonly port: ProbePort;
  /** Nothing while the node is not known yet. */
  readonly nodeUid: () => string | undefined;
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ProbeWatch {
  readonly #options: ProbeWatchOptions;
  #wishes: ReadonlyMap<string, ProbeWish> = new Map();
  readonly #findings = new Map<string, ProbeFinding>();
  /** When each wish is due, and when each question was last asked. */
  readonly #due = new Map<string, number>();
  readonly #asked = new Map<string, number>();
  #isClean = false;

  constructor(options: ProbeWatchOptions) {
    this.#options = options;
  }

  /** By `probeKeyOf`. */
  get findings(): ReadonlyMap<string, ProbeFinding> {
    return this.#findings;
  }

  /** Takes what is to be known from now on. What is not asked for is forgotten. Returns whether there is something new to do. */
  setWishes(wishes: readonly ProbeWish[]): boolean {
    const now = this.#options.clock.now();
    this.#wishes = new Map(wishes.map((wish) => [probeKeyOf(wish), wish]));
    for (const key of this.#due.keys()) if (!this.#wishes.has(key)) this.#forget(key);
    for (const [key, at] of this.#asked)
      if (at + LEAST_PAUSE_MS < now && !this.#wishes.has(key)) this.#asked.delete(key);
    const fresh = [...this.#wishes.keys()].filter((key) => !this.#due.has(key));
    for (const key of fresh) {
      this.#due.set(key, Math.max(now, (this.#asked.get(key) ?? Number.NEGATIVE_INFINITY) + LEAST_PAUSE_MS));
    }
    return fresh.length > 0;
  }

  /** Makes the probes that are due. First of all, takes away what a process before this one has left behind. */
  async turn(signal: AbortSignal): Promise<Answer> {
    if (!this.#isClean) await this.#clean();
    for (const [key, wish] of this.#wishes) {
      if (signal.aborted) break;
      if ((this.#due.get(key) ?? Number.POSITIVE_INFINITY) <= this.#options.clock.now())
        await this.#probe(key, wish, signal);
    }
    const next = Math.min(...this.#due.values());
    return Number.isFinite(next)
      ? { type: 'later', ms: Math.max(0, next - this.#options.clock.now()) }
      : { type: 'done' };
  }

  async #clean(): Promise<void> {
    const { port, nodeUid, logger } = this.#options;
    const uid = nodeUid();
    if (uid === undefined) return;
    const links = await port.clean(uid);
    if (links.length > 0) logger.info({ links }, 'took away links of a probe that was not finished');
    this.#isClean = true;
  }

  async #probe(key: string, wish: ProbeWish, signal: AbortSignal): Promise<void> {
    const { port, clock, logger, onChange } = this.#options;
    const about = { parent: wish.parent, gateway: wish.gateway };
    let pauseMs = FAILED_PAUSE_MS;
    try {
      const verdict = await port.ask(wish, signal);
      logger.info({ ...about, verdict }, 'asked the gateway under another MAC address');
      pauseMs = probeAgainMs(verdict);
      if (this.#wishes.has(key)) this.#findings.set(key, { verdict, gateway: wish.gateway });
      onChange();
    } catch (error) {
      if (!signal.aborted) logger.warn({ ...about, err: error }, 'could not probe for a MAC filter');
    }
    this.#asked.set(key, clock.now());
    if (this.#wishes.has(key)) this.#due.set(key, clock.now() + pauseMs);
  }

  #forget(key: string): void {
    this.#due.delete(key);
    this.#findings.delete(key);
  }
}
