// Reads of what was just written. The watch brings an own write back a moment later; until then this shows it, so that a
// second turn does not do the work of the first one again.
//
//   write ──▶ response: shown from here ──────────▶ watch has caught up: shown from the store again
//                                       └─(never)─▶ in doubt: forgotten, and somebody has to look again
import type { KubeObject, ObjectKey } from '../api/kube.ts';
import { keyOf } from '../kernel/kube/path.ts';
import { type Clock, monotonicClock } from '../kernel/process/clock.ts';
import type { Change, Store } from '../kernel/watch/store.ts';
import { isOlderVersion } from '../kernel/watch/version.ts';

/** The watch is never this late while it works; when it does not, old writes must not be shown for ever. */
const SHOWN_MS = 10_000;

export class OwnWrites<T extends KubeObject> {
  readonly #store: Store<T>;
  readonly #clock: Clock;
  readonly #written = new Map<ObjectKey, { readonly object: T; readonly cancel: () => void }>();
  readonly #running = new Map<ObjectKey, { isGone: boolean }>();
  #inDoubt: (object: T) => void = () => {};

  constructor(store: Store<T>, clock: Clock = monotonicClock) {
    this.#store = store;
    this.#clock = clock;
    store.onChange((change) => this.#observe(change));
  }

  /**
   * Calls `handler` with an object that was written and that the watch has not shown since. It may have been deleted while the
   * watch was down: a list that follows lacks it, the store never had it, and so nothing else tells that it is gone.
   */
  onDoubt(handler: (object: T) => void): void {
    this.#inDoubt = handler;
  }

  /** Makes a write of one object and remembers what the server answered. One at a time per key. */
  async through<R extends T | undefined>(key: ObjectKey, write: () => Promise<R>): Promise<R> {
    const run = { isGone: false };
    this.#running.set(key, run);
    try {
      const object = await write();
      // Deleted by somebody while we waited for the answer: the watch has told so already and will not tell again.
      if (object !== undefined && !run.isGone) this.#remember(key, object);
      return object;
    } finally {
      this.#running.delete(key);
    }
  }

  /** The newest version that this process knows. */
  get(key: ObjectKey): T | undefined {
    return this.#written.get(key)?.object ?? this.#store.get(key);
  }

  /** The newest versions of the objects that the index lists under `value`, own new ones that fit `belongs` among them. */
  by(index: string, value: string, belongs: (object: T) => boolean): readonly T[] {
    const known = this.#store.by(index, value);
    if (this.#written.size === 0) return known;
    const found = new Map(known.map((object) => [keyOf(object), object]));
    for (const [key, { object }] of this.#written) if (belongs(object)) found.set(key, object);
    return [...found.values()];
  }

  #remember(key: ObjectKey, object: T): void {
    this.#forget(key);
    if (hasCaughtUp(this.#store.get(key), object)) return;
    const cancel = this.#clock.after(SHOWN_MS, () => {
      this.#written.delete(key);
      this.#inDoubt(object);
    });
    this.#written.set(key, { object, cancel });
  }

  #forget(key: ObjectKey): void {
    this.#written.get(key)?.cancel();
    this.#written.delete(key);
  }

  #observe({ type, key, current }: Change<T>): void {
    const run = this.#running.get(key);
    if (run !== undefined) run.isGone = type === 'delete';
    const entry = this.#written.get(key);
    if (entry !== undefined && (type === 'delete' || hasCaughtUp(current, entry.object))) this.#forget(key);
  }
}

/** Whether the watch has seen our write, or a later one. Where that cannot be told, time does the rest. */
function hasCaughtUp(seen: KubeObject | undefined, written: KubeObject): boolean {
  const [a, b] = [seen?.metadata.resourceVersion, written.metadata.resourceVersion];
  if (a === undefined || b === undefined) return a === b;
  return a === b || isOlderVersion(b, a);
}
