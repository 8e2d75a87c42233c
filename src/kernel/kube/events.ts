// Kubernetes events: what happened, told at the object it happened to. They are news, not state: repeated ones are counted,
// too many are dropped, and nothing waits for them.
import { createHash } from 'node:crypto';
import type { Kind, KubeObject } from '../../api/kube.ts';
import { type Clock, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { KubeClient } from './client.ts';
import { microTime } from './time.ts';

interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

interface KubeEvent extends KubeObject {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly regarding: Reference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

const EVENT: Kind<KubeEvent> = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };

/** One thing that happened. */
export interface EventInput {
  /** The object it happened to, as it was read: with apiVersion, kind and uid. */
  readonly regarding: KubeObject & { readonly apiVersion: string; readonly kind: string };
  readonly type: 'Normal' | 'Warning';
  /** Why, in one CamelCase word. */
  readonly reason: string;
  /** What was being done, in one CamelCase word. */
  readonly action: string;
  /** A sentence for a person; cut at 1024 bytes. */
  readonly note: string;
  /** What has to be the same for two events to be counted as one, besides all of the above but the note; default the note. */
  readonly sameAs?: string;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'mergePatch'>;
  /** The program, e.g. `macvlan.dev/controller`; a qualified name. */
  readonly controller: string;
  /** The process, e.g. its pod's name. */
  readonly instance: string;
  readonly logger: Logger;
  /** The wall clock, since its time is written into events. */
  readonly clock?: Clock;
  /** Least time between two writes about the same thing; default 60 000 ms. */
  readonly intervalMs?: number;
  /** How many events may wait to be written; default 256. More are dropped. */
  readonly maxQueue?: number;
  /** How many different events are remembered for counting; default 1024. The oldest is forgotten. */
  readonly maxSeries?: number;
}

interface Series {
  readonly input: EventInput;
  readonly key: string;
  count: number;
  lastSeen: number;
  lastWritten: number;
  /** The event object that counts this; unset until written. */
  name?: string;
  /** Waits for its minute, or in the queue. */
  planned: boolean;
  cancel?: () => void;
}

const SERIES_ENDS_MS = 6 * 60_000; // what did not happen for this long is news again

/** Writes events one after the other in the background. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  readonly #queue: Series[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Tells about something that happened. Returns at once; never throws. */
  record(input: EventInput): void {
    if (this.#closed) return;
    const key = keyFor(input);
    const now = this.#clock.now();
    const known = this.#series.get(key);
    if (known !== undefined && now - known.lastSeen < SERIES_ENDS_MS) {
      known.count += 1;
      known.lastSeen = now;
      this.#plan(known);
      return;
    }
    known?.cancel?.();
    const series: Series = {
      input,
      key,
      count: 1,
      lastSeen: now,
      lastWritten: Number.NEGATIVE_INFINITY,
      planned: false,
    };
    this.#series.delete(key); // a new series is the youngest
    this.#series.set(key, series);
    this.#forgetOldest();
    this.#plan(series);
  }

  /** Writes what waits in the queue, then takes no more. Counts that wait for their minute are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const series of this.#series.values()) series.cancel?.();
    await this.#writing;
  }

  #plan(series: Series): void {
    if (series.planned) return;
    series.planned = true;
    const wait = series.lastWritten + (this.#options.intervalMs ?? 60_000) - this.#clock.now();
    if (wait <= 0) this.#enqueue(series);
    else series.cancel = this.#clock.after(wait, () => this.#enqueue(series));
  }

  #enqueue(series: Series): void {
    if (this.#queue.length >= (this.#options.maxQueue ?? 256)) {
      series.planned = false;
      this.#options.logger.warn({ reason: series.input.reason }, 'too many events: one was dropped');
      return;
    }
    this.#queue.push(series);
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
    });
  }

  async #drain(): Promise<void> {
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.planned = false;
      series.lastWritten = this.#clock.now();
      try {
        await this.#write(series);
      } catch (err) {
        this.#options.logger.warn(
          { err, reason: series.input.reason },
          'an event could not be written and was dropped',
        );
      }
    }
  }

  async #write(series: Series): Promise<void> {
    const { client } = this.#options;
    const namespace = namespaceFor(series.input);
    if (series.name !== undefined) {
      const patch = { series: { count: series.count, lastObservedTime: microTime(series.lastSeen) } };
      if ((await client.mergePatch(EVENT, { namespace, name: series.name }, patch)) !== undefined) return;
      series.count = 1; // the event has expired: a new one begins a new count
    }
    const event = this.#eventFor(series, namespace);
    await client.create(EVENT, event);
    series.name = event.metadata.name;
  }

  #eventFor(series: Series, namespace: string): KubeEvent {
    const { regarding, type, reason, action, note } = series.input;
    const { name, uid } = regarding.metadata;
    const suffix = createHash('sha256').update(`${series.key} ${series.lastSeen}`).digest('hex').slice(0, 16);
    const owner = regarding.metadata.namespace;
    return {
      metadata: { name: `${name.slice(0, 230).replace(/[.-]+$/, '')}.${suffix}`, namespace },
      eventTime: microTime(series.lastSeen),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance.slice(0, 128),
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name,
        ...(owner === undefined ? {} : { namespace: owner }),
        ...(uid === undefined ? {} : { uid }),
      },
      type,
      reason,
      action,
      note: cutToBytes(note, 1024),
    };
  }

  #forgetOldest(): void {
    const oldest = this.#series.values().next();
    if (this.#series.size <= (this.#options.maxSeries ?? 1024) || oldest.done) return;
    oldest.value.cancel?.();
    this.#series.delete(oldest.value.key);
  }
}

function keyFor(input: EventInput): string {
  const { regarding } = input;
  const { uid, namespace = '', name } = regarding.metadata;
  const hash = createHash('sha256')
    .update(input.sameAs ?? input.note)
    .digest('hex')
    .slice(0, 16);
  return [regarding.kind, namespace, name, uid ?? '', input.type, input.reason, input.action, hash].join('|');
}

// Events about cluster-scoped objects live in the namespace "default", by Kubernetes' own rule.
function namespaceFor(input: EventInput): string {
  return input.regarding.metadata.namespace ?? 'default';
}

function cutToBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  return `${bytes
    .subarray(0, max - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
