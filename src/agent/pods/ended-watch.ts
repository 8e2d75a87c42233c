// Says of pods whose objects are gone when nothing of them is left on the node, so that others may have their addresses. A kubelet says
// so itself as long as there is an object to say it in; after a deletion by force there is none.
import type { Pod } from '../../api/kube.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { EndedPod, MacvlanNodeState, NodePod } from '../../api/v1alpha1/node-state.ts';
import { type AttachedPod, attachedPods } from '../../domain/pod/attached.ts';
import {
  addEnded,
  type Departures,
  departedIn,
  followPods,
  isTakenOver,
  judgeDepartures,
  type Remains,
  recallPods,
  seeStarted,
  startedIn,
  type ToldPod,
} from '../../domain/pod/ended.ts';
import type { Answer } from '../../kernel/controller/controller.ts';
import type { Clock } from '../../kernel/process/clock.ts';
import type { ReadStore } from '../../kernel/watch/store.ts';
import type { CgroupsPort, FiltersPort } from '../ports.ts';

/** A pod whose object is gone is looked at again after this: ending takes its time. In milliseconds. */
const LOOK_AGAIN_MS = 500;
/** The same when its end does not come. In milliseconds. */
const LONG_MS = 5000;
const IS_LONG_MS = 30_000;

export interface EndedWatchOptions {
  /** Of the node's boot: what was seen in another one says nothing of this one. */
  readonly bootId: string;
  readonly attachments: ReadStore<MacvlanAttachment>;
  readonly pods: ReadStore<Pod>;
  /** What the API server holds about this node: what an agent before this one knew of pods. */
  readonly state: () => MacvlanNodeState | undefined;
  readonly cgroups: CgroupsPort;
  readonly filters: FiltersPort;
  /** Called when there is something new to tell. */
  readonly onChange: () => void;
  readonly clock: Clock;
}

export class EndedWatch {
  readonly #options: EndedWatchOptions;
  #departures: Departures = new Map();
  #started: ReadonlySet<string> = new Set();
  #told: readonly ToldPod[] = [];
  #ended: readonly EndedPod[] = [];
  /** Links of which the agent before this one knew. */
  #earlier: readonly NodePod[] = [];
  /** Attachments whose NICs have been seen to tell of their links: in mode passthru, and with some drivers, they do not. */
  readonly #heard = new Set<string>();

  constructor(options: EndedWatchOptions) {
    this.#options = options;
  }

  /** The latest pods of which nothing is left, those that were told before included. */
  get ended(): readonly EndedPod[] {
    return this.#ended;
  }

  /** Uids of pods that were seen at work in this boot of the node. Of the others, nothing can be missed. */
  get started(): ReadonlySet<string> {
    return this.#started;
  }

  /** Takes what the agent before this one knew, before it is written over: pods may have gone since. */
  begin(): void {
    const { agent, pods = [], ended = [] } = this.#options.state()?.status ?? {};
    this.#tell(ended.map((pod) => ({ pod, since: this.#options.clock.now() })));
    const isSameBoot = agent?.bootId === this.#options.bootId;
    this.#earlier = isSameBoot ? pods.filter(({ state }) => state !== 'NeverAttached') : [];
  }

  /**
   * Looks which of the pods are at work, before they are told of: this is written down with the first word about a pod, so that the next
   * agent knows it.
   */
  async see(): Promise<void> {
    this.#follow();
    if (!this.#haveAllStarted()) this.#takeStarted(await this.#options.cgroups.read());
  }

  /** One turn: which pods are gone, and is anything of them left. */
  async turn(): Promise<Answer> {
    const { cgroups, filters, clock, onChange } = this.#options;
    const attached = this.#follow();
    await this.#hear(attached);
    const isDue = departedIn(this.#departures).length > 0;
    if (!isDue && this.#haveAllStarted()) return { type: 'done' };
    const seen = await cgroups.read();
    if (this.#takeStarted(seen)) onChange();
    if (!isDue) return seen === undefined ? { type: 'later', ms: LONG_MS } : { type: 'done' };
    // The order counts: first no cgroup, then no link.
    const macs = await filters.read();
    // Who cannot see this node's cgroups has nothing to say.
    if (seen === undefined) return { type: 'later', ms: LONG_MS };
    const remains = { cgroups: seen, macs, heard: this.#heard };
    const { ended, rest } = judgeDepartures(this.#departures, remains, clock.now());
    this.#departures = rest;
    const told = addEnded(this.#told, ended, clock.now());
    if (told !== this.#told) {
      this.#tell(told);
      onChange();
    }
    return this.#answer(remains, new Set(attached.map(({ mac }) => mac)));
  }

  /** Takes the pods that are there now; gives those that are said to be attached. */
  #follow(): readonly AttachedPod[] {
    const { pods, clock } = this.#options;
    const present = new Set(pods.list().map(({ metadata }) => metadata.uid ?? ''));
    const attached = this.#attached();
    if (this.#earlier.length > 0) this.#departures = recallPods(this.#earlier, present);
    this.#earlier = [];
    this.#departures = followPods(this.#departures, attached, present, clock.now());
    this.#started = startedIn(this.#departures);
    return attached;
  }

  #haveAllStarted(): boolean {
    return [...this.#departures.values()].every(({ hasStarted }) => hasStarted);
  }

  /** Returns whether any of the pods was not known to be at work. */
  #takeStarted(cgroups: ReadonlySet<string> | undefined): boolean {
    const before = this.#started.size;
    this.#departures = seeStarted(this.#departures, cgroups ?? new Set());
    this.#started = startedIn(this.#departures);
    return this.#started.size > before;
  }

  #tell(told: readonly ToldPod[]): void {
    this.#told = told;
    this.#ended = told.map(({ pod }) => pod);
  }

  #attached(): readonly AttachedPod[] {
    const { attachments, pods } = this.#options;
    return attachedPods(pods.list(), new Set(attachments.list().map(({ metadata }) => metadata.name)));
  }

  /** What can be seen of pods that are there is what can be missed of those that are gone. */
  async #hear(attached: readonly AttachedPod[]): Promise<void> {
    const unheard = attached.filter(({ attachment, mac }) => mac !== '' && !this.#heard.has(attachment));
    if (unheard.length === 0) return;
    const macs = await this.#options.filters.read();
    for (const { attachment, mac } of unheard) if (macs.has(mac)) this.#heard.add(attachment);
  }

  #answer(remains: Remains, theirs: ReadonlySet<string>): Answer {
    // When a successor goes, there is a turn for it.
    const left = departedIn(this.#departures).filter((departure) => !isTakenOver(departure, remains, theirs));
    if (left.length === 0) return { type: 'done' };
    const now = this.#options.clock.now();
    const isSoon = left.some(({ goneSince = now }) => now - goneSince < IS_LONG_MS);
    return { type: 'later', ms: isSoon ? LOOK_AGAIN_MS : LONG_MS };
  }
}
