// The whole process, put together: stores and watches, the controllers, and in which order they start and stop.
import { randomUUID } from 'node:crypto';
import type { AttachmentFacts } from '../domain/attachment/facts.ts';
import { isOurs } from '../domain/attachment/network-definition-metadata.ts';
import type { DaemonSet } from '../domain/attachment/node-daemonset.ts';
import type { IsForeign } from '../domain/pod/attached.ts';
import { Controller } from '../kernel/controller/controller.ts';
import type { KubeClient } from '../kernel/kube/client.ts';
import { EventRecorder } from '../kernel/kube/events.ts';
import { Elector, leaderPart } from '../kernel/leader/elector.ts';
import { monotonicClock } from '../kernel/process/clock.ts';
import { background, Lifecycle, type Part } from '../kernel/process/lifecycle.ts';
import type { Logger } from '../kernel/process/logger.ts';
import type { Metrics } from '../kernel/process/metrics.ts';
import { type Priority, WorkQueue } from '../kernel/queue/work-queue.ts';
import { Applier } from './attachment/apply.ts';
import type { Sight } from './attachment/gather.ts';
import { HolderSearch } from './attachment/holders.ts';
import { reconcileAttachment } from './attachment/reconciler.ts';
import { Reporter } from './attachment/report.ts';
import { Reports } from './attachment/reports.ts';
import { ownerFinder } from './daemonset/owner.ts';
import { agentProgram, dhcpProgram } from './daemonset/programs.ts';
import { type NodeProgram, reconcileDaemonSet } from './daemonset/reconciler.ts';
import { Conflicts } from './identity/conflict-sight.ts';
import { connectConflicts, wakeConflicts } from './identity/conflict-sources.ts';
import { createIdentityControllers, type IdentityControllers } from './identity/controllers.ts';
import { groupKeyOf } from './identity/keys.ts';
import { LastSeen } from './identity/last-seen.ts';
import { registerIdentityMetrics } from './identity/metrics.ts';
import { WaitingPods } from './identity/waiting-pods.ts';
import { registerAttachmentMetrics } from './metrics.ts';
import { reconcileNode } from './nodes/reconciler.ts';
import type { Options } from './options.ts';
import { OwnWrites } from './own-writes.ts';
import { reconcilePod } from './pods/reconciler.ts';
import { connectSources, type Wakes, wakeAll, wakeOrphans } from './sources.ts';
import { createStores, createWatches, type Stores, type Watches } from './stores.ts';

export const LEASE_NAME = 'macvlan-controller';
const DAEMON_SET_KEY = 'nodes';
/** Reconciles wait for the API server most of the time; more of them at once only make its queue longer. */
const ATTACHMENT_WORKERS = 8;
const NODE_WORKERS = 4;
/** Nodes answer a new attachment one after the other: their reports within this time become one status. */
const REPORTS_MS = 50;
/** So many objects of one kind make a large cluster: they take tens of megabytes whatever is done. */
const LARGE_STORE = 3000;
/** After an outage of any length work goes on this soon; what is refused for good is not asked for more often either. */
const LONGEST_RETRY_MS = 30_000;
/** Claims come before identities when a backup is applied: a new leader gives that its time before it looks for those that nobody has. */
const ORPHANS_MS = 300_000;
/** A slow safety net, should an event ever have been missed; with jitter, so that replicas do not ask together. */
const RESYNC_MS = 10 * 3600_000;

export interface ControllerDependencies {
  readonly client: KubeClient;
  readonly options: Options;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Called when the cluster turns out to be a large one, while it is listed; perhaps more than once. */
  readonly onLargeCluster?: () => void;
  /** Lease times and patience, for tests; see the parts for the defaults. */
  readonly timing?: {
    readonly leaseMs?: number;
    readonly renewMs?: number;
    readonly retryMs?: number;
    readonly lingerMs?: number;
    readonly confirmMs?: number;
    readonly orphansMs?: number;
  };
}

export interface ControllerApp {
  /** In the order in which they start. */
  readonly parts: readonly Part[];
  /** Resolves when all that can be seen of the cluster has been seen once. */
  readonly synced: Promise<unknown>;
  /** What keeps this process from being of use, or nothing. */
  readonly notReady: () => string | undefined;
  readonly leads: () => boolean;
  /** Runs the parts until the signal aborts. Rejects when leadership is lost: the process has to end then. */
  run(signal: AbortSignal): Promise<void>;
}

/** Builds everything and starts nothing. */
export function createController(dependencies: ControllerDependencies): ControllerApp {
  const { client, options, logger, metrics, timing } = dependencies;
  const stores = createStores();
  if (dependencies.onLargeCluster !== undefined) tellLargeCluster(stores, dependencies.onLargeCluster);
  const { namespace } = options;
  const watches = createWatches(stores, { client, namespace, logger, observer: metrics?.watch });
  const unlisted = new Set(Object.keys(watches.listed));
  const synced = Promise.all(
    Object.entries(watches.listed).map(([kind, listed]) => listed.then(() => unlisted.delete(kind))),
  );
  const elector = new Elector({
    client,
    lease: { namespace, name: LEASE_NAME },
    identity: `${options.podName}_${randomUUID()}`,
    logger,
    onChange: (leads) => metrics?.leading(leads),
    ...timing,
  });
  const leads = () => elector.leads;
  if (metrics !== undefined) registerAttachmentMetrics(metrics.registry, stores.attachments);
  const workers = createWorkers({ ...dependencies, client: client.fenced(leads) }, stores, watches, leads);
  const parts = [
    background({ name: 'watches', run: (signal) => watches.run(signal), ready: () => synced }),
    leaderPart(elector),
    workers,
  ];
  return {
    parts,
    synced,
    notReady: () => (unlisted.size === 0 ? undefined : `not listed yet: ${[...unlisted].join(', ')}`),
    leads,
    run: (signal) => new Lifecycle({ logger, parts }).run(signal),
  };
}

function tellLargeCluster({ nodeStates, pods, identities, claims }: Stores, tell: () => void): void {
  for (const store of [nodeStates, pods, identities, claims] as const) {
    store.onChange(({ type }) => {
      if (type === 'add' && store.size === LARGE_STORE) tell();
    });
  }
}

/** The controllers, wired to the stores. They work only while this part runs, which is while we lead. */
function createWorkers(
  { client, options, logger, metrics, timing }: ControllerDependencies,
  stores: Stores,
  watches: Watches,
  mayWork: () => boolean,
): Part {
  const reports = new Reports();
  const conflicts = new Conflicts(stores);
  const waiting = new WaitingPods(stores.pods);
  if (metrics !== undefined) registerIdentityMetrics(metrics.registry, { stores, waiting, conflicts, leads: mayWork });
  const lastSeen = new LastSeen(stores.pods);
  const sight: Sight = {
    stores,
    reports,
    conflicts,
    attachments: new OwnWrites(stores.attachments),
    definitions: new OwnWrites(stores.definitions),
    multus: () => multusSeenBy(watches),
  };
  const instance = options.podName;
  const events = new EventRecorder({ client, controller: 'macvlan.dev/controller', instance, logger });
  const applier = new Applier({ client, written: sight.definitions, logger });
  const reporter = new Reporter({ client, events, written: sight.attachments });
  const shared = () => ({
    logger,
    metrics: metrics?.work,
    mayWork,
    queue: new WorkQueue({ longestRetryMs: LONGEST_RETRY_MS }),
  });
  const isForeign = foreignIn(stores);
  const holders = new HolderSearch({ client, attachments: () => stores.attachments.keys(), isForeign });
  const attachments = new Controller({
    ...shared(),
    name: 'attachments',
    reconcile: reconcileAttachment({ client, sight, holders, applier, reporter }),
    concurrency: ATTACHMENT_WORKERS,
  });
  const lingerMs = timing?.lingerMs;
  const nodesWritten = new OwnWrites(stores.nodes);
  const nodes = new Controller({
    ...shared(),
    name: 'nodes',
    reconcile: reconcileNode({
      client,
      stores,
      written: nodesWritten,
      ...(lingerMs === undefined ? {} : { lingerMs }),
    }),
    concurrency: NODE_WORKERS,
  });
  const findOwner = ownerFinder(client, options.namespace, options.agentServiceAccount);
  const agentsWritten = new OwnWrites(stores.daemonSets);
  const dhcpWritten = new OwnWrites(stores.dhcpDaemonSets);
  const daemonSet = (name: string, written: OwnWrites<DaemonSet>, program: NodeProgram) =>
    new Controller({
      ...shared(),
      name,
      reconcile: reconcileDaemonSet({ client, nodes: stores.nodes, written, findOwner, logger }, program),
    });
  const daemonSets = [
    daemonSet('daemonset', agentsWritten, agentProgram(stores, agentSettingsFrom(options))),
    daemonSet('dhcp-daemonset', dhcpWritten, dhcpProgram(dhcpSettingsFrom(options))),
  ];
  const own: IdentityControllers = createIdentityControllers({
    client,
    stores,
    events,
    namespace: options.namespace,
    rawPins: options.rawPins,
    lastSeen,
    conflicts,
    waiting,
    shared,
    wake: {
      attachment: (name) => wakes.attachmentSoon(name),
      identity: (owner) => wakes.identities(groupKeyOf(owner)),
    },
    confirmMs: timing?.confirmMs,
  });
  const pods = new Controller({
    ...shared(),
    name: 'pods',
    reconcile: reconcilePod({ client, stores, events, logger, isForeign }),
  });

  // What is there at the start comes after what users do meanwhile.
  let priority: Priority = 'background';
  const wakes: Wakes = {
    attachment: (key) => attachments.enqueue(key, { priority }),
    attachmentSoon: (key) => attachments.hintAfter(key, REPORTS_MS),
    node: (key) => nodes.enqueue(key, { priority }),
    daemonSet: () => {
      for (const controller of daemonSets) controller.enqueue(DAEMON_SET_KEY, { priority });
    },
    pod: (key) => pods.enqueue(key, { priority }),
    identities: (key) => own.identities.enqueue(key, { priority }),
    unbound: (key) => own.unbound.enqueue(key, { priority }),
  };
  connectSources(stores, reports, wakes);
  const wakeConflict = (address: string) => own.conflicts.enqueue(address, { priority });
  connectConflicts(stores, conflicts, wakeConflict);
  for (const written of [sight.attachments, sight.definitions]) {
    written.onDoubt(({ metadata }) => wakes.attachment(metadata.name));
  }
  nodesWritten.onDoubt(({ metadata }) => wakes.node(metadata.name));
  for (const written of [agentsWritten, dhcpWritten]) written.onDoubt(() => wakes.daemonSet());
  // Multus came or went: every attachment has something to say or to do, and so has every NAD whose attachment went meanwhile.
  watches.definitions.onStateChange(() => wakeAll(stores, wakes));
  return background({
    name: 'workers',
    run: async (signal) => {
      priority = 'user';
      const cancel = repeat(RESYNC_MS, () => {
        wakeAll(stores, wakes);
        wakeConflicts(stores, conflicts, wakeConflict);
      });
      const forget = monotonicClock.after(timing?.orphansMs ?? ORPHANS_MS, () => wakeOrphans(stores, wakes));
      await Promise.all(
        [attachments, nodes, ...daemonSets, pods, ...Object.values(own)].map((controller) => controller.run(signal)),
      );
      cancel();
      forget();
      await events.close();
    },
  });
}

function foreignIn({ definitions }: Stores): IsForeign {
  return (namespace, name) => {
    const definition = definitions.get(`${namespace}/${name}`);
    return definition !== undefined && !isOurs(definition);
  };
}

function multusSeenBy({ definitions }: Watches): AttachmentFacts['multus'] {
  return definitions.state() !== 'synced' && definitions.kindIsMissing() ? 'Missing' : 'Present';
}

function dhcpSettingsFrom(options: Options) {
  const { namespace, agentImage: image, agentPullPolicy: pullPolicy, logLevel } = options;
  return { namespace, image, pullPolicy, logLevel };
}

function agentSettingsFrom(options: Options) {
  return {
    namespace: options.namespace,
    image: options.agentImage,
    pullPolicy: options.agentPullPolicy,
    serviceAccount: options.agentServiceAccount,
    cniBinDir: options.cniBinDir,
    logLevel: options.logLevel,
    healthPort: options.agentHealthPort,
    metricsPort: options.agentMetricsPort,
  };
}

function repeat(ms: number, work: () => void): () => void {
  let cancel = () => {};
  const arm = () => {
    cancel = monotonicClock.after(ms * (0.9 + Math.random() / 5), () => {
      work();
      arm();
    });
  };
  arm();
  return () => cancel();
}
