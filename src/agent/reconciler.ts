// One turn of the agent: gather → plan → diff → apply → report. Everything interesting is in the pure functions that it names.
import type { Node, Pod } from '../api/kube.ts';
import type { MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import { type Change, describeChange, type Refusal } from '../domain/net/change.ts';
import { isEqual } from '../domain/objects/equal.ts';
import type { ProbeFinding } from '../domain/parent/mac-filter.ts';
import { arpRespondersAmong } from '../domain/parent/preflight/host.ts';
import { pluginsFor } from '../domain/parent/preflight/plugins.ts';
import type { Answer, Reconcile } from '../kernel/controller/controller.ts';
import type { Clock } from '../kernel/process/clock.ts';
import type { Logger } from '../kernel/process/logger.ts';
import type { ReadStore } from '../kernel/watch/store.ts';
import { type Choices, choicesIn, keptChoices } from './choices.ts';
import type { ShimGuard } from './guard.ts';
import { diffNode, type LinkSightings, type NodeFacts, planNode } from './plan.ts';
import type { NetworkPort, PluginsPort } from './ports.ts';
import type { Reporter } from './reporter.ts';
import { type Outcome, statusFor } from './status.ts';

/** A turn makes at most this many rounds of changes: a new shim takes three, and a world that keeps moving has to wait. */
const ROUNDS = 6;
/** What the kernel refused, or did not keep, is tried again after this; every event may bring it earlier. In milliseconds. */
const UNSETTLED_PAUSE_MS = 5000;
/** A missing plugin may be installed without anything telling. In milliseconds. */
const PLUGIN_PAUSE_MS = 10_000;

export interface ReconcilerPorts {
  readonly nodeName: string;
  readonly bootId: string;
  readonly version: string;
  readonly nodes: ReadStore<Node>;
  readonly attachments: ReadStore<MacvlanAttachment>;
  readonly pods: ReadStore<Pod>;
  readonly network: NetworkPort;
  readonly plugins: PluginsPort;
  /** Where programs listen for ARP; without it, that cannot be seen. */
  readonly arpListeners?: () => Promise<ReadonlySet<number> | undefined>;
  /** What MAC-filter probes have found by now. */
  readonly probes?: ReadonlyMap<string, ProbeFinding>;
  /** What is known of pods' links by now; nothing before the first look at them. */
  readonly evidence: () => Promise<LinkSightings | undefined>;
  readonly guard: ShimGuard;
  readonly reporter: Reporter;
  /** Asks for the report to be written. */
  readonly requestReport: () => void;
  /** Gets each turn's outcome, for metrics and for the watch over shims. */
  readonly onOutcome?: (outcome: Outcome) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the node's network what it should be. It has one key only: the node. */
export function reconcileNode(ports: ReconcilerPorts): Reconcile {
  let choices: Choices | undefined;
  return async () => {
    const facts = await gather(ports, choices);
    if (facts === undefined) return { type: 'blocked' };
    const { outcome, waitMs } = await apply(ports, facts);
    choices = keptChoices(outcome.plan.attachments, outcome.facts.network, facts.choices);
    report(ports, outcome);
    return answerFor(outcome, waitMs);
  };
}

async function gather(ports: ReconcilerPorts, choices: Choices | undefined): Promise<NodeFacts | undefined> {
  const node = ports.nodes.get(ports.nodeName);
  const evidence = await ports.evidence();
  // Without the pods' links, the routes to all of them would be taken down.
  if (node === undefined || evidence === undefined) return undefined;
  const attachments = ports.attachments.list();
  const wantedPlugins = [...new Set(attachments.flatMap(pluginsFor))];
  const pods = ports.pods.list();
  const [network, missing, arpListeners] = await Promise.all([
    ports.network.read(),
    ports.plugins.missing(wantedPlugins),
    // It matters where there is somebody who answers.
    arpRespondersAmong(pods).length > 0 ? ports.arpListeners?.() : undefined,
  ]);
  return {
    node,
    bootId: ports.bootId,
    attachments,
    pods,
    state: ports.reporter.current,
    network,
    missingPlugins: new Set(missing),
    ...(arpListeners === undefined ? {} : { arpListeners }),
    ...(ports.probes === undefined ? {} : { probes: ports.probes }),
    choices: choices ?? choicesIn(ports.reporter.current, ports.bootId),
    ...evidence,
  };
}

/**
 * Rounds of plan, diff and change, each from a fresh look, until the node is as planned or only changes are left that the
 * kernel has refused in this turn.
 */
async function apply(
  ports: ReconcilerPorts,
  initial: NodeFacts,
): Promise<{ outcome: Outcome; waitMs: number | undefined }> {
  let facts = initial;
  let plan = planNode(facts);
  const { held, contested, culprits, waitMs } = ports.guard.admit(plan, facts.network, ports.clock.now());
  const refusals: Refusal[] = [];
  const isHopeful = (change: Change) => !refusals.some((refusal) => isEqual(refusal.change, change));
  let left = diffNode(plan, facts.network, held);
  let made = 0;
  for (let round = 0; round < ROUNDS && left.some(isHopeful); round++) {
    const changes = left.filter(isHopeful);
    const refused = await ports.network.apply(changes);
    logChanges(ports, changes, refused);
    refusals.push(...refused);
    made += changes.length - refused.length;
    facts = { ...facts, network: await ports.network.read() };
    plan = planNode(facts);
    left = diffNode(plan, facts.network, held);
  }
  ports.guard.settle(plan, facts.network);
  return {
    outcome: { facts, plan, refusals, contested, culprits, changes: made, isSettled: left.length === 0 },
    waitMs,
  };
}

/** The first few of them: a new shim on a full node has hundreds. */
function logChanges({ logger }: ReconcilerPorts, changes: readonly Change[], refusals: readonly Refusal[]): void {
  const refused = refusals.slice(0, 5).map(({ change, message }) => `${describeChange(change)}: ${message}`);
  const entry = { changes: changes.slice(0, 20).map(describeChange), count: changes.length };
  if (refusals.length === 0) logger.info(entry, "changed the node's network");
  else logger.warn({ ...entry, refused }, 'the kernel refused changes');
}

function report(ports: ReconcilerPorts, outcome: Outcome): void {
  ports.onOutcome?.(outcome);
  if (ports.reporter.publish(outcome.facts.node, statusFor(outcome, ports.version))) ports.requestReport();
}

function answerFor(outcome: Outcome, waitMs: number | undefined): Answer {
  const pauses = [
    ...(waitMs === undefined ? [] : [waitMs]),
    ...(!outcome.isSettled ? [UNSETTLED_PAUSE_MS] : []),
    ...(outcome.facts.missingPlugins.size > 0 ? [PLUGIN_PAUSE_MS] : []),
  ];
  return pauses.length === 0 ? { type: 'done' } : { type: 'later', ms: Math.min(...pauses) };
}
