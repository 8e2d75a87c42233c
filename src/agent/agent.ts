// The agent as parts that are put together once: watches and netlink wake one reconciler, which changes links and reports.
import type { MacvlanNodeState } from '../api/v1alpha1/node-state.ts';
import { needsDhcpDaemon } from '../domain/attachment/node-membership.ts';
import type { LinkSights } from '../domain/pod/link-state.ts';
import type { LanFacts } from '../domain/pod/rivals.ts';
import { CONTEST_LIMITS, type ContestLimits } from '../domain/shim/contest.ts';
import { Controller } from '../kernel/controller/controller.ts';
import type { Clock } from '../kernel/process/clock.ts';
import type { Logger } from '../kernel/process/logger.ts';
import type { Metrics } from '../kernel/process/metrics.ts';
import { WorkQueue } from '../kernel/queue/work-queue.ts';
import { ShimGuard } from './guard.ts';
import { Pace } from './pace.ts';
import { type LinkSightings, verifiedParents } from './plan.ts';
import { EndedWatch } from './pods/ended-watch.ts';
import { PodWatch } from './pods/pod-watch.ts';
import { RivalWatch } from './pods/rival-watch.ts';
import type {
  CachePort,
  CgroupsPort,
  DhcpPort,
  FiltersPort,
  Hint,
  LanPort,
  NetworkPort,
  PluginsPort,
  ProbePort,
  SandboxPort,
} from './ports.ts';
import { createProbes } from './probe/probes.ts';
import { reconcileNode } from './reconciler.ts';
import { Reporter, type StateClient } from './reporter.ts';
import { ShimWatch } from './shim-watch.ts';
import type { Outcome } from './status.ts';
import type { AgentStores } from './stores.ts';

/** The longest pause before something that failed is tried again: pods may be waiting for it. In milliseconds. */
const LONGEST_RETRY_MS = 30_000;
/** Without any event, everything is looked at again after this, up to half of it earlier. In milliseconds. */
const RESYNC_MS = 300_000;
/** Events that are hardly ever about us are gathered for this long. In milliseconds. */
const PATIENCE_MS = 100;
/** Pods tend to change together; their links are looked at once for all of them. In milliseconds. */
const POD_PATIENCE_MS = 200;

export interface AgentOptions {
  readonly nodeName: string;
  readonly bootId: string;
  readonly version: string;
  readonly stores: AgentStores;
  readonly client: StateClient;
  readonly network: NetworkPort;
  readonly plugins: PluginsPort;
  /** Where pods' links are looked at; without it, no link is proven and shims lead to no pod. */
  readonly podLinks?: { readonly cache: CachePort; readonly sandboxes: SandboxPort };
  /** The node's DHCP daemon; without it, nobody looks for one and no lease is asked for. */
  readonly dhcp?: DhcpPort;
  /** Where it is seen of pods that vanished whether anything of them is left; without it, nothing is said of them. */
  readonly remains?: { readonly cgroups: CgroupsPort; readonly filters: FiltersPort };
  /** Asks the LAN who else has addresses of pods; without it, nobody is asked. */
  readonly lan?: LanPort;
  /** Asks the LAN whether it filters MAC addresses; without it, nobody is asked. */
  readonly probe?: ProbePort;
  /** Where programs on the node listen for ARP, as indexes of links. */
  readonly arpListeners?: () => Promise<ReadonlySet<number> | undefined>;
  /** Calls back with each hint that the network changed, until the returned function is called. */
  readonly listen: (onHint: (hint: Hint) => void) => () => void;
  readonly contest?: ContestLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly onOutcome?: (outcome: Outcome) => void;
}

export interface Agent {
  /** What is known of pods' links by now. */
  readonly links: LinkSights;
  /** Works until `signal` aborts. The stores have to be complete by then: what they lack is taken down. */
  run(signal: AbortSignal): Promise<void>;
}

/** Puts the agent together. Nothing happens before `run`. */
export function createAgent(options: AgentOptions): Agent {
  const { stores, nodeName, clock, logger } = options;
  const shared = { clock, logger, metrics: options.metrics?.work };
  const reconsider = () => {
    links.enqueue(nodeName);
    options.dhcp?.reconsider();
  };
  const reporter = new Reporter({ client: options.client, onWritten: reconsider });
  const pace = new Pace(clock);
  const shimWatch = new ShimWatch({ network: options.network, clock, onDeviation: () => links.enqueue(nodeName) });
  const podWatch =
    options.podLinks === undefined
      ? undefined
      : new PodWatch({ ...options.podLinks, ...stores, clock, logger, onChange: () => links.enqueue(nodeName) });
  const endedWatch = endedWatchFor(options, { state: () => reporter.current, onChange: () => links.enqueue(nodeName) });
  const probes = createProbes(options.probe, {
    nodeName,
    nodeUid: () => stores.nodes.get(nodeName)?.metadata.uid ?? stores.nodes.get(nodeName)?.metadata.name,
    onChange: () => links.enqueue(nodeName),
    queue: new WorkQueue({ clock, longestRetryMs: LONGEST_RETRY_MS }),
    ...shared,
  });
  const rivalWatch =
    options.lan === undefined
      ? undefined
      : new RivalWatch({ lan: options.lan, clock, onChange: () => links.enqueue(nodeName) });
  const guard = new ShimGuard(options.contest ?? CONTEST_LIMITS);
  const reconcile = reconcileNode({
    ...options,
    ...stores,
    evidence: () => evidenceOf({ podWatch, endedWatch, rivalWatch, dhcp: options.dhcp }),
    guard,
    reporter,
    probes: probes.findings,
    requestReport: () => reports.enqueue(nodeName),
    onOutcome: (outcome) => {
      shimWatch.watch(outcome);
      if (podWatch?.setParents(verifiedParents(outcome.plan.attachments)) === true) pods.enqueue(nodeName);
      probes.follow(outcome.plan.attachments);
      if (rivalWatch?.follow(lanFactsOf(outcome, podWatch)) === true) rivals.enqueue(nodeName);
      const { isSettled, contested } = outcome;
      pace.turnEnded({ didChange: outcome.changes > 0, isSettled, isContested: contested.size > 0 });
      options.onOutcome?.(outcome);
    },
  });
  const queue = () => new WorkQueue({ clock, longestRetryMs: LONGEST_RETRY_MS });
  const links = new Controller({ name: 'links', reconcile, queue: queue(), ...shared });
  const reports = new Controller({
    name: 'report',
    reconcile: (_key, signal) => reporter.write(signal),
    queue: queue(),
    ...shared,
  });
  const pods = new Controller({
    name: 'pods',
    reconcile: async () => podWatch?.turn() ?? { type: 'blocked' },
    queue: queue(),
    ...shared,
  });
  const departures = new Controller({
    name: 'departures',
    reconcile: async () => endedWatch?.turn() ?? { type: 'blocked' },
    queue: queue(),
    ...shared,
  });
  let stopping: AbortSignal | undefined;
  const rivals = new Controller({
    name: 'rivals',
    // A question is cut short when the agent is to stop; what the controller hands in ends only with its patience.
    reconcile: async (_key, signal) => rivalWatch?.turn(stopping ?? signal) ?? { type: 'blocked' },
    queue: queue(),
    ...shared,
  });

  reporter.observe(stores.states.get(nodeName));
  stores.states.onChange(({ key, current }) => {
    if (key !== nodeName) return;
    reporter.observe(current);
    reconsider();
  });
  for (const store of [stores.nodes, stores.attachments]) store.onChange(reconsider);
  stores.pods.onChange(() => links.enqueue(nodeName));
  for (const store of [stores.attachments, stores.pods]) {
    store.onChange(() => pods.enqueueAfter(nodeName, POD_PATIENCE_MS));
  }
  // What it takes to know a pod when it is gone has to be seen while it is there.
  stores.pods.onChange(() => departures.enqueueAfter(nodeName, PATIENCE_MS));

  return {
    get links() {
      return podWatch?.sights ?? new Map();
    },
    async run(signal) {
      stopping = signal;
      const stopListening = options.listen((hint) => {
        guard.hear(hint, options.network.port, clock.now());
        const delay = isUrgent(hint) ? pace.delay() : PATIENCE_MS;
        if (delay > 0) links.enqueueAfter(nodeName, delay);
        else links.enqueue(nodeName);
      });
      const stopResync = every(RESYNC_MS, clock, () => links.enqueue(nodeName, { priority: 'background' }));
      endedWatch?.begin();
      links.enqueue(nodeName);
      pods.enqueue(nodeName);
      departures.enqueue(nodeName);
      await Promise.all([
        probes.run(signal),
        options.dhcp?.run(signal, {
          onChange: () => links.enqueue(nodeName),
          isNeeded: () =>
            needsDhcpDaemon(
              { attachments: stores.attachments.list(), state: reporter.current },
              stores.nodes.get(nodeName),
            ),
        }),
        links.run(signal),
        reports.run(signal),
        pods.run(signal),
        departures.run(signal),
        rivals.run(signal),
      ]);
      stopResync();
      stopListening();
      shimWatch.stop();
      const { network, podLinks, remains, lan } = options;
      await Promise.all([network.close(), podLinks?.sandboxes.close(), remains?.filters.close(), lan?.close()]);
    },
  };
}

interface Watches {
  readonly podWatch: PodWatch | undefined;
  readonly endedWatch: EndedWatch | undefined;
  readonly rivalWatch: RivalWatch | undefined;
  readonly dhcp: DhcpPort | undefined;
}

/** What has been seen of pods' links; nothing while a first look is still to come. */
async function evidenceOf({ podWatch, endedWatch, rivalWatch, dhcp }: Watches): Promise<LinkSightings | undefined> {
  await endedWatch?.see();
  const ended = endedWatch === undefined ? {} : { ended: endedWatch.ended, started: endedWatch.started };
  const rivals = rivalWatch === undefined ? {} : { rivals: rivalWatch.rivals };
  const known = { ...ended, ...rivals, ...(dhcp === undefined ? {} : { dhcp: dhcp.sight }) };
  if (podWatch === undefined) return known;
  const { sights, unknown, hasLooked } = podWatch;
  return hasLooked ? { sights, unknown, ...known } : undefined;
}

/** What there is to ask of the LAN. */
function lanFactsOf({ plan, facts }: Outcome, podWatch: PodWatch | undefined): LanFacts {
  return {
    sights: podWatch?.sights ?? new Map(),
    attachments: new Map(facts.attachments.map((attachment) => [attachment.metadata.name, attachment])),
    parents: verifiedParents(plan.attachments),
  };
}

function endedWatchFor(
  { remains, stores, clock, bootId }: AgentOptions,
  wiring: { readonly state: () => MacvlanNodeState | undefined; readonly onChange: () => void },
): EndedWatch | undefined {
  return remains === undefined ? undefined : new EndedWatch({ ...remains, ...stores, ...wiring, clock, bootId });
}

/** The cables of pods come and go with pods; everything else may be a parent or a shim. */
function isUrgent(hint: Hint): boolean {
  return hint.type !== 'Link' || !hint.isPodLink;
}

/** Calls `fn` again and again, each time after a random part between half and the whole of `ms`. */
function every(ms: number, clock: Clock, fn: () => void): () => void {
  let cancel = (): void => {};
  const arm = (): void => {
    cancel = clock.after(ms * (0.5 + Math.random() / 2), () => {
      fn();
      arm();
    });
  };
  arm();
  return () => cancel();
}
