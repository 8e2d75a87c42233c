// What the watches have seen, by key and by index: the only memory that reconcilers read from.
import type { KubeObject, ObjectKey } from '../../api/kube.ts';
import { keyOf } from '../kube/path.ts';

/** The reading side of a store. Objects are shared: treat them as read-only. */
export interface ReadStore<T> {
  get(key: ObjectKey): T | undefined;
  /** All objects, in no particular order. */
  list(): readonly T[];
  /** The objects that an index lists under `value`. An index that does not exist is a mistake in the program and throws. */
  by(index: string, value: string): readonly T[];
  readonly size: number;
}

/** One change of a store. `old` is missing for `add`, `current` for `delete`. */
export interface Change<T> {
  readonly type: 'add' | 'update' | 'delete';
  readonly key: ObjectKey;
  readonly old?: T;
  readonly current?: T;
  /**
   * The state in which it was deleted, where the watch told it. Missing where a list lacks the object: then it may have changed
   * in any way since `old`.
   */
  readonly last?: T;
}

export interface StoreOptions<T> {
  /** Per index: the values under which an object is listed. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
  /** Freeze what is stored, all the way down, so that a test finds whoever writes into it. Default false: it costs time. */
  readonly freeze?: boolean;
}

/** Objects of one kind, filled by a reflector. */
export class Store<T extends KubeObject> implements ReadStore<T> {
  readonly #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers: ((change: Change<T>) => void)[] = [];
  readonly #freeze: boolean;
  #list: readonly T[] | undefined;
  #handlerFailed: (error: unknown, key: ObjectKey) => void = () => {};

  constructor(opts: StoreOptions<T> = {}) {
    this.#freeze = opts.freeze ?? false;
    for (const [name, valuesOf] of Object.entries(opts.indexes ?? {})) this.#indexes.set(name, new Index(valuesOf));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    this.#list ??= Object.freeze([...this.#objects.values()]);
    return this.#list;
  }

  by(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`the store has no index "${index}"`);
    return found.get(value);
  }

  keys(): IterableIterator<ObjectKey> {
    return this.#objects.keys();
  }

  /** Calls `handler` after each change from now on. It may compute keys and enqueue them, nothing more. */
  onChange(handler: (change: Change<T>) => void): void {
    this.#handlers.push(handler);
  }

  /** Where errors of handlers go; they never reach the reflector. */
  onHandlerError(report: (error: unknown, key: ObjectKey) => void): void {
    this.#handlerFailed = report;
  }

  /** Puts an object in. The version that is there already changes nothing and tells nobody. */
  upsert(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    const version = object.metadata.resourceVersion;
    if (old !== undefined && version !== undefined && old.metadata.resourceVersion === version) return;
    const current = this.#freeze ? deepFreeze(object) : object;
    this.#objects.set(key, current);
    this.#list = undefined;
    for (const index of this.#indexes.values()) index.replace(key, old, current);
    this.#emit(old === undefined ? { type: 'add', key, current } : { type: 'update', key, old, current });
  }

  /** Takes an object out. `last` is its last state where the watch told it. */
  remove(key: ObjectKey, last?: T): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#objects.delete(key);
    this.#list = undefined;
    for (const index of this.#indexes.values()) index.replace(key, old, undefined);
    this.#emit({ type: 'delete', key, old: last ?? old, ...(last === undefined ? {} : { last }) });
  }

  #emit(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#handlerFailed(error, change.key);
      }
    }
  }
}

/** Most values list one object, of which there may be ten thousands: these need no map. */
type Bucket<T> = Single<T> | Map<ObjectKey, T>;

interface Single<T> {
  readonly key: ObjectKey;
  readonly object: T;
}

class Index<T> {
  readonly #valuesOf: (object: T) => readonly string[];
  readonly #buckets = new Map<string, Bucket<T>>();

  constructor(valuesOf: (object: T) => readonly string[]) {
    this.#valuesOf = valuesOf;
  }

  get(value: string): readonly T[] {
    const bucket = this.#buckets.get(value);
    if (bucket === undefined) return [];
    return bucket instanceof Map ? [...bucket.values()] : [bucket.object];
  }

  replace(key: ObjectKey, old: T | undefined, current: T | undefined): void {
    if (old !== undefined) for (const value of this.#valuesOf(old)) this.#delete(value, key);
    if (current !== undefined) for (const value of this.#valuesOf(current)) this.#set(value, key, current);
  }

  #set(value: string, key: ObjectKey, object: T): void {
    const bucket = this.#buckets.get(value);
    if (bucket instanceof Map) bucket.set(key, object);
    else if (bucket === undefined || bucket.key === key) this.#buckets.set(value, { key, object });
    else this.#buckets.set(value, new Map([bucket, { key, object }].map((single) => [single.key, single.object])));
  }

  #delete(value: string, key: ObjectKey): void {
    const bucket = this.#buckets.get(value);
    if (bucket instanceof Map) {
      bucket.delete(key);
      if (bucket.size === 0) this.#buckets.delete(value);
    } else if (bucket?.key === key) this.#buckets.delete(value);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
