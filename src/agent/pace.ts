// How soon a hint of the kernel is followed: at once as a rule, a little later while hints come in a storm, changes do not hold, or somebody fights over a shim.
import type { Clock } from '../kernel/process/clock.ts';

/** How a turn went, as far as its pace goes. */
export interface Turn {
  readonly didChange: boolean;
  /** Nothing is left to change. */
  readonly isSettled: boolean;
  /** Somebody keeps undoing a shim: each of his changes is a hint, and so is each of ours. */
  readonly isContested?: boolean;
}

/** So many turns in a row that found nothing to do are a storm: hints that are about somebody else's links. */
const IDLE_TURNS = 8;
/** A storm is over when there was no turn for this long. In milliseconds. */
const STORM_ENDS_MS = 1000;
/** Turns in a storm, and after a turn that could not settle, are at least this far apart. In milliseconds. */
const STORM_PAUSE_MS = 50;
const UNSETTLED_PAUSE_MS = 250;
/** So are turns in a contest. In milliseconds. */
const CONTEST_PAUSE_MS = 200;

/** Remembers how the last turns went. */
export class Pace {
  readonly #clock: Clock;
  #idleTurns = 0;
  #isSettled = true;
  #isContested = false;
  #lastTurn = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes how a turn went. */
  turnEnded({ didChange, isSettled, isContested = false }: Turn): void {
    const isStorm = this.#clock.now() - this.#lastTurn < STORM_ENDS_MS;
    this.#idleTurns = didChange || !isStorm ? 0 : this.#idleTurns + 1;
    this.#isSettled = isSettled;
    this.#isContested = isContested;
    this.#lastTurn = this.#clock.now();
  }

  /** How long the next turn that a hint asks for has to wait, in milliseconds. */
  delay(): number {
    const sinceTurn = this.#clock.now() - this.#lastTurn;
    if (!this.#isSettled) return Math.max(0, UNSETTLED_PAUSE_MS - sinceTurn);
    if (this.#isContested) return Math.max(0, CONTEST_PAUSE_MS - sinceTurn);
    return this.#idleTurns < IDLE_TURNS ? 0 : Math.max(0, STORM_PAUSE_MS - sinceTurn);
  }
}
