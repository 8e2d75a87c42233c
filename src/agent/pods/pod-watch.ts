// Watches over the links of the node's pods: notices those that vanish, and makes them again where the attachment says so.
//
//   looked at, missing ──▶ suspect ──(missing still, after a moment)──▶ Ghost ──(InPlace, NIC verified)──▶ made again
//                              └──(its DEL was under way: the file is gone)──▶ forgotten
import type { Pod } from '../../api/kube.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { isEqual } from '../../domain/objects/equal.ts';
import { attachedPods } from '../../domain/pod/attached.ts';
import { type CachedLink, keyOfLink } from '../../domain/pod/cached-link.ts';
import type { LinkSight, LinkSights } from '../../domain/pod/link-state.ts';
import { asMirrored, mirrorsOf } from '../../domain/pod/mirror.ts';
import { isRefusal, planRepair, repairRefused } from '../../domain/pod/repair.ts';
import type { Problem } from '../../domain/problem.ts';
import type { Answer } from '../../kernel/controller/controller.ts';
import type { Clock } from '../../kernel/process/clock.ts';
import type { Logger } from '../../kernel/process/logger.ts';
import type { ReadStore } from '../../kernel/watch/store.ts';
import type { CachePort, SandboxPort } from '../ports.ts';
import { LeaseRefused } from './lease-repair.ts';
import { inTurn } from './repair-turn.ts';

/** A link that is missing is looked at again after this: DEL takes the link first, and its file a moment later. In milliseconds. */
const CONFIRM_MS = 300;
/** A repair that was refused is tried again after this; a change of the NIC brings it earlier. In milliseconds. */
const REFUSED_PAUSE_MS = 5000;
/**
 * All links are looked at after this without any hint: what happens inside a pod is announced in there only (to hear it from outside
 * takes CAP_NET_BROADCAST). In milliseconds.
 */
const LOOK_MS = 10_000;
/** A new link comes to addresses by itself (router advertisements) soon or never: so often it is looked at, for so long. In milliseconds. */
const YOUNG_LOOK_MS = 1000;
const YOUNG_MS = 10_000;

export interface PodWatchOptions {
  readonly attachments: ReadStore<MacvlanAttachment>;
  readonly pods: ReadStore<Pod>;
  readonly cache: CachePort;
  readonly sandboxes: SandboxPort;
  /** Called when there is something new to tell. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Memory extends LinkSight {
  /** Of the first look at it. */
  readonly since: number;
  /** Since when it has been missing; it is a ghost once that was seen twice. */
  readonly missingSince?: number;
  readonly triedAt?: number;
}

export class PodWatch {
  readonly #options: PodWatchOptions;
  #memories: ReadonlyMap<string, Memory> = new Map();
  #parents: ReadonlyMap<string, number> = new Map();
  #sights: LinkSights = new Map();
  #hasLooked = false;
  #unknown: ReadonlySet<string> = new Set();
  /** Uids of pods that are being deleted. */
  #leaving: ReadonlySet<string | undefined> = new Set();
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Links of static pods, as those of their mirrors. */
  readonly #mirrored = new WeakMap<CachedLink, CachedLink>();

  constructor(options: PodWatchOptions) {
    this.#options = options;
  }

  /** What is known of each link by now. */
  get sights(): LinkSights {
    return this.#sights;
  }

  /** Until then, a link that is not known may well be there. */
  get hasLooked(): boolean {
    return this.#hasLooked;
  }

  /** Keys of links that are written on pods, and of which the cache knew nothing at the last look. */
  get unknown(): ReadonlySet<string> {
    return this.#unknown;
  }

  /** Takes the verified NICs. Returns whether they are others than before: then links may have vanished, or can be made again. */
  setParents(parents: ReadonlyMap<string, number>): boolean {
    if (isEqual([...this.#parents].sort(), [...parents].sort())) return false;
    this.#parents = parents;
    this.lookAtAll();
    return true;
  }

  /** Lets the next turn look at every link, not only at new ones. */
  lookAtAll(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** One turn: look, judge, repair, tell. */
  async turn(): Promise<Answer> {
    const now = this.#options.clock.now();
    const isFull = now - this.#lookedAt >= LOOK_MS;
    if (isFull) this.#lookedAt = now;
    let unknown = this.#unknown;
    try {
      // Multus writes on the pod what the cache has already: whoever is read first must be the pods.
      const attached = this.#attached();
      const cached = await this.#readCache();
      unknown = new Set(attached.filter((key) => !cached.has(key)));
      await this.#look(cached, isFull, now);
      await this.#repairAll(now);
    } finally {
      // Others wait for the first look; one that failed tells what there is to tell, too.
      this.#publish(unknown, now);
    }
    return { type: 'later', ms: this.#pause(now) };
  }

  /** Keys of the links that are written on pods that run and are to go on running. */
  #attached(): readonly string[] {
    const { attachments, pods } = this.#options;
    const names = new Set(attachments.list().map(({ metadata }) => metadata.name));
    return attachedPods(pods.list().filter(isAlive), names).map(keyOfLink);
  }

  /** Links of pods that run. Those that are being deleted are led to until the end, and nothing is missed of them. */
  async #readCache(): Promise<ReadonlyMap<string, CachedLink>> {
    const { attachments, pods, cache } = this.#options;
    const alive = new Set(
      pods
        .list()
        .filter(hasNotEnded)
        .map((pod) => pod.metadata.uid),
    );
    this.#leaving = new Set(pods.list().flatMap(({ metadata }) => (isLeaving(metadata) ? [metadata.uid] : [])));
    const mirrors = mirrorsOf(pods.list());
    const found = await cache.read(new Set(attachments.list().map(({ metadata }) => metadata.name)));
    const links = [...found.values()].map((link) => this.#asMirrored(link, mirrors));
    return new Map(links.filter((link) => alive.has(link.uid)).map((link) => [keyOfLink(link), link]));
  }

  /** The same link each time: so it is known that there is nothing new about it. */
  #asMirrored(link: CachedLink, mirrors: ReadonlyMap<string, Pod>): CachedLink {
    const mirrored = asMirrored(link, mirrors);
    const before = this.#mirrored.get(link);
    if (before?.uid === mirrored.uid) return before;
    if (mirrored !== link) this.#mirrored.set(link, mirrored);
    return mirrored;
  }

  async #look(cached: ReadonlyMap<string, CachedLink>, isFull: boolean, now: number): Promise<void> {
    const before = this.#memories;
    const due = [...cached].filter(
      ([key, link]) => isFull || isNews(before.get(key), link) || isYoung(before.get(key), now),
    );
    const lives = await this.#options.sandboxes.look(due.map(([, link]) => link));
    const seen = new Map(due.map(([key], i) => [key, lives[i] ?? 'Unseen'] as const));
    const memories = new Map<string, Memory>();
    for (const [key, link] of cached) memories.set(key, remember(before.get(key), link, seen.get(key), now));
    this.#memories = memories;
  }

  async #repairAll(now: number): Promise<void> {
    const memories = new Map(this.#memories);
    const due = [...memories].flatMap(([key, memory]) => {
      const parent = this.#parentFor(memory, now);
      const { attachment, netns, settings } = memory.cached;
      const { triedAt } = memory;
      return parent === undefined
        ? []
        : [{ key, memory, parent, attachment, netns, waits: settings.ipam === 'dhcp', triedAt }];
    });
    await inTurn(due, async ({ key, memory, parent }) => {
      const refusal = await this.#repair(memory.cached, parent);
      const [live = 'Unseen'] = await this.#options.sandboxes.look([memory.cached]);
      const next = remember(memory, memory.cached, live, now);
      memories.set(key, refusal === undefined ? next : { ...next, refusal, triedAt: now });
      return refusal === undefined ? 'Mended' : 'Refused';
    });
    this.#memories = memories;
  }

  /** The NIC on which the link is to be made again now; nothing when that is not wanted, not possible, or not yet. */
  #parentFor(memory: Memory, now: number): number | undefined {
    const { attachment, uid } = memory.cached;
    if (this.#leaving.has(uid)) return undefined;
    const isWanted = this.#options.attachments.get(attachment)?.spec.repair?.type === 'InPlace';
    const hasPause = memory.triedAt !== undefined && now - memory.triedAt < REFUSED_PAUSE_MS;
    return isWanted && isGhost(memory, now) && !hasPause ? this.#parents.get(attachment) : undefined;
  }

  async #repair(link: CachedLink, parent: number): Promise<Problem | undefined> {
    const { sandboxes, logger } = this.#options;
    const plan = planRepair(link, parent);
    if (isRefusal(plan)) return plan;
    const { namespace, name } = link;
    try {
      await sandboxes.repair(plan);
      logger.info({ namespace, pod: name, link: plan.name, mac: plan.mac }, "made a pod's link again");
      return undefined;
    } catch (error) {
      logger.warn({ namespace, pod: name, link: plan.name, err: error }, "could not make a pod's link again");
      return repairRefused(link.interface, reasonOf(error));
    }
  }

  #publish(unknown: ReadonlySet<string>, now: number): void {
    const sights = new Map<string, LinkSight>();
    for (const [key, memory] of this.#memories) {
      const { cached, live, refusal } = memory;
      if (live === 'Missing' && this.#leaving.has(cached.uid)) continue;
      // Of a suspect, what was said before stands.
      const isSuspect = live === 'Missing' && !isGhost(memory, now);
      const told = isSuspect ? (this.#sights.get(key)?.live ?? 'Unseen') : live;
      sights.set(key, { cached, live: told, ...(refusal === undefined ? {} : { refusal }) });
    }
    const isNew =
      !this.#hasLooked ||
      !isEqual([...this.#sights], [...sights]) ||
      !isEqual([...this.#unknown].sort(), [...unknown].sort());
    this.#sights = sights;
    this.#unknown = unknown;
    this.#hasLooked = true;
    if (isNew) this.#options.onChange();
  }

  #pause(now: number): number {
    const pauses = [...this.#memories.values()].map((memory) => {
      if (memory.live === 'Missing' && !isGhost(memory, now)) return CONFIRM_MS;
      if (isYoung(memory, now)) return YOUNG_LOOK_MS;
      return memory.triedAt === undefined ? LOOK_MS : Math.max(CONFIRM_MS, memory.triedAt + REFUSED_PAUSE_MS - now);
    });
    return Math.min(LOOK_MS, ...pauses);
  }
}

function isAlive(pod: Pod): boolean {
  return !isLeaving(pod.metadata) && hasNotEnded(pod);
}

function isLeaving(metadata: Pod['metadata']): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function hasNotEnded({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** Never looked at, made by another ADD than the one that was looked at, or in doubt. */
function isNews(memory: Memory | undefined, link: CachedLink): boolean {
  return memory === undefined || memory.cached !== link || typeof memory.live === 'string';
}

function isYoung(memory: Memory | undefined, now: number): boolean {
  return memory !== undefined && now - memory.since < YOUNG_MS;
}

function remember(
  before: Memory | undefined,
  cached: CachedLink,
  seen: Memory['live'] | undefined,
  now: number,
): Memory {
  const isSame = before?.cached === cached;
  const live = seen ?? before?.live ?? 'Unseen';
  const since = isSame && before !== undefined ? before.since : now;
  if (live !== 'Missing') return { cached, live, since };
  const { refusal, triedAt, missingSince = now } = isSame ? before : {};
  return {
    cached,
    live,
    since,
    missingSince,
    ...(refusal === undefined ? {} : { refusal }),
    ...(triedAt === undefined ? {} : { triedAt }),
  };
}

function isGhost({ live, missingSince }: Memory, now: number): boolean {
  return live === 'Missing' && missingSince !== undefined && now - missingSince >= CONFIRM_MS;
}

/** Errors that say more than the kernel's own words. `1`: what the addon throws for EPERM. */
const REASONS: Readonly<Record<string, string>> = {
  // Until its DaemonSet has been rolled out the agent lacks the right to enter a namespace.
  '1': 'the agent may not enter the network namespaces of pods (yet): it lacks CAP_SYS_ADMIN',
  EADDRINUSE: 'another link on the NIC has its MAC address',
  EEXIST: 'another link, or another owner of one of its addresses, has taken its place in the pod',
};

function reasonOf(error: unknown): string {
  if (error instanceof LeaseRefused) return error.message;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return REASONS[String(code)] ?? `the kernel says ${String(message ?? error)}`;
}
