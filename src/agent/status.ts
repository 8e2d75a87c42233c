// What the agent tells the cluster: the plan, and how far the node's network is what was planned.
import type { ProblemStatus } from '../api/v1alpha1/attachment-status.ts';
import type {
  AgentInfo,
  MacvlanNodeStateStatus,
  NodeAttachment,
  NodeInterface,
  NodePod,
  NodeShim,
} from '../api/v1alpha1/node-state.ts';
import { aliasFor } from '../domain/attachment/alias.ts';
import { type Change, describeChange, type Refusal } from '../domain/net/change.ts';
import { findByIndex, type Link, type Network } from '../domain/net/network.ts';
import { candidatesOf } from '../domain/parent/candidate.ts';
import { defaultRouteLinks, driverOf, userAltNames } from '../domain/parent/fact.ts';
import type { PodLink } from '../domain/pod/link-state.ts';
import type { Problem } from '../domain/problem.ts';
import { describeCulprits } from '../domain/shim/culprit.ts';
import { hasStrays, isComplete } from '../domain/shim/diff.ts';
import { isOwnShim } from '../domain/shim/name.ts';
import type { ShimPlan } from '../domain/shim/plan.ts';
import type { AttachmentPlan, NodeFacts, NodePlan } from './plan.ts';

/** How a turn ended: `facts.network` is the last look. */
export interface Outcome {
  readonly facts: NodeFacts;
  readonly plan: NodePlan;
  readonly refusals: readonly Refusal[];
  /** How many changes were made. */
  readonly changes: number;
  /** Whether the network is as planned, but for what is held back. */
  readonly isSettled: boolean;
  /** Names of shims that somebody keeps undoing. */
  readonly contested: ReadonlySet<string>;
  /** Netlink ports of those who changed a shim, by its name. */
  readonly culprits?: ReadonlyMap<string, readonly number[]>;
}

const LIMITS = {
  interfaces: 256,
  attachments: 4096,
  shims: 256,
  pods: 4096,
  problems: 16,
  rivals: 16,
  addresses: 32,
  altNames: 32,
};

/** The status as it should be read now. Lists are sorted, so that the same state gives the same bytes. */
export function statusFor(outcome: Outcome, version: string): MacvlanNodeStateStatus {
  const { facts, plan } = outcome;
  const attachments = entriesOf(outcome).slice(0, LIMITS.attachments);
  return {
    agent: { version, bootId: facts.bootId, ...nodeBootOf(facts) },
    interfaces: interfacesOf(facts.network).slice(0, LIMITS.interfaces),
    attachments,
    shims: shimsOf(outcome).slice(0, LIMITS.shims),
    pods: plan.pods.slice(0, LIMITS.pods).map((pod) => podStatus(pod, facts)),
    ...((facts.ended ?? []).length === 0 ? {} : { ended: facts.ended ?? [] }),
    ...dhcpOf(facts),
    summary: `${attachments.filter((entry) => entry.phase === 'Ready').length}/${attachments.length}`,
  };
}

function nodeBootOf({ node }: NodeFacts): Pick<AgentInfo, 'nodeBootId'> {
  const nodeBootId = node.status?.nodeInfo?.bootID;
  return nodeBootId ? { nodeBootId } : {};
}

/** While the daemon is away, what it said last stands: nobody else knows who needs it. */
function dhcpOf({ dhcp, state }: NodeFacts): Pick<MacvlanNodeStateStatus, 'dhcp'> {
  const links = dhcp?.report?.links ?? state?.status?.dhcp?.links;
  return links === undefined ? {} : { dhcp: { links } };
}

function interfacesOf(network: Network): readonly NodeInterface[] {
  const v4 = defaultRouteLinks('IPv4', network);
  const v6 = defaultRouteLinks('IPv6', network);
  return candidatesOf(network).map((link) => {
    const addresses = network.addresses.filter((a) => a.ifindex === link.ifindex && a.isGlobal);
    const families = [...(v4.includes(link.ifindex) ? ['IPv4'] : []), ...(v6.includes(link.ifindex) ? ['IPv6'] : [])];
    return {
      name: link.name,
      ifindex: link.ifindex,
      mac: link.mac,
      ...(link.permanentMac === undefined ? {} : { permanentMac: link.permanentMac }),
      ...hardwareOf(link),
      ...(families.length === 0 ? {} : { defaultRoutes: families }),
      mtu: link.mtu,
      state: stateOf(link),
      ...(addresses.length === 0
        ? {}
        : {
            addresses: addresses
              .map((a) => `${a.address}/${a.prefixLength}`)
              .sort()
              .slice(0, LIMITS.addresses),
          }),
    };
  });
}

function hardwareOf(link: Link): Pick<NodeInterface, 'altNames' | 'pciAddress' | 'driver'> {
  const altNames = userAltNames(link);
  const driver = driverOf(link);
  return {
    ...(altNames.length === 0 ? {} : { altNames: altNames.slice(0, LIMITS.altNames) }),
    ...(link.pciAddress === undefined ? {} : { pciAddress: link.pciAddress }),
    ...(driver === undefined ? {} : { driver }),
  };
}

function stateOf(link: Link): NodeInterface['state'] {
  if (!link.isUp) return 'Down';
  return link.hasCarrier ? 'Up' : 'NoCarrier';
}

function entriesOf(outcome: Outcome): readonly NodeAttachment[] {
  const { facts, plan } = outcome;
  const planned = plan.attachments.map((attachment) => entryOf(attachment, outcome));
  const names = new Set(planned.map((entry) => entry.name));
  const leftOver = (facts.state?.status?.attachments ?? [])
    .filter((entry) => !names.has(entry.name) && hasRemains(entry.name, outcome))
    .map((entry) => cleaningEntry(entry, outcome));
  return [...planned, ...leftOver].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function entryOf(plan: AttachmentPlan, outcome: Outcome): NodeAttachment {
  const { metadata } = plan.attachment;
  const { network, bootId } = outcome.facts;
  const parent = plan.parent === undefined ? undefined : findByIndex(network.links, plan.parent.ifindex);
  const isOn = plan.wantsAlias && parent?.altNames.includes(plan.alias) === true;
  const hostAccess = hostAccessOf(plan, outcome);
  const parentProblems = [...plan.problems, ...refusedAliasProblems(plan.alias, outcome)];
  const isVerified = isOn && parentProblems.length === 0;
  const failures = [
    ...parentProblems,
    ...(plan.dhcpProblem === undefined ? [] : [plan.dhcpProblem]),
    ...hostAccess.problems,
  ];
  // One pod's fault does not make the node useless to the others.
  const problems = [...failures, ...plan.podProblems, ...plan.warnings].slice(0, LIMITS.problems);
  return {
    name: metadata.name,
    ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
    phase: phaseOf({ isReady: isVerified && (!plan.wantsHostAccess || hostAccess.state === 'Ready'), failures }),
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(parent === undefined ? {} : { interface: parent.name, ifindex: parent.ifindex }),
    ...(isOn && plan.choice !== undefined ? { wish: plan.choice.wish } : {}),
    // The word of a verified NIC: pods' links belong to this device, in this boot.
    ...(isVerified && parent !== undefined ? { incarnation: `${bootId}/${parent.ifindex}` } : {}),
    // Left out while the shim is on its way.
    ...(hostAccess.state === undefined ? {} : { hostAccess: hostAccess.state }),
    ...probeStateOf(plan),
    ...(problems.length === 0 ? {} : { problems: problems.map(problemStatus) }),
  };
}

function probeStateOf({ probe, finding }: AttachmentPlan): Pick<NodeAttachment, 'macFilterProbe'> {
  if (probe === 'NoGateway') return { macFilterProbe: probe };
  return finding === undefined ? {} : { macFilterProbe: finding.verdict };
}

function phaseOf(entry: { isReady: boolean; failures: readonly Problem[] }): NodeAttachment['phase'] {
  if (entry.failures.length > 0) return 'Failed';
  return entry.isReady ? 'Ready' : 'Pending';
}

function hostAccessOf(plan: AttachmentPlan, outcome: Outcome) {
  const { name } = plan.attachment.metadata;
  if (!plan.wantsHostAccess) return { state: 'None' as const, problems: [] };
  const shim = outcome.plan.shims.find((candidate) => candidate.attachments.includes(name));
  const problems = [
    ...plan.hostAccessProblems,
    ...(shim === undefined ? [] : contestProblems(shim, outcome)),
    ...(shim === undefined ? [] : refusedShimProblems(shim, outcome)),
  ];
  if (problems.length > 0) return { state: 'Failed' as const, problems };
  const isReady = shim !== undefined && isComplete(shim, outcome.facts.network);
  return { state: isReady ? ('Ready' as const) : undefined, problems };
}

function contestProblems(shim: ShimPlan, outcome: Outcome): readonly Problem[] {
  if (!outcome.contested.has(shim.name)) return [];
  const culprits = describeCulprits(outcome.culprits?.get(shim.name) ?? []);
  return [
    {
      reason: 'ShimContested',
      message: `Something on the node keeps deleting or changing the link ${shim.name}; it is put back after a pause.${culprits === '' ? '' : ` ${culprits}`}`,
      remedy: `Tell the node's network manager to leave links named ${shim.name} alone (systemd-networkd: Unmanaged=yes; NetworkManager: unmanaged-devices).`,
    },
  ];
}

function refusedAliasProblems(alias: string, outcome: Outcome): readonly Problem[] {
  return refusedProblems(
    outcome.refusals,
    (change) => change.type.endsWith('AltName') && 'name' in change && change.name === alias,
  );
}

function refusedShimProblems(shim: ShimPlan, outcome: Outcome): readonly Problem[] {
  const link = outcome.facts.network.links.find((candidate) => candidate.name === shim.name);
  return refusedProblems(outcome.refusals, (change) => {
    if (change.type.endsWith('AltName')) return false;
    return ('name' in change && change.name === shim.name) || ('ifindex' in change && change.ifindex === link?.ifindex);
  });
}

function refusedProblems(refusals: readonly Refusal[], isAbout: (change: Change) => boolean): readonly Problem[] {
  return refusals
    .filter((refusal) => isAbout(refusal.change))
    .slice(0, 3)
    .map(({ change, code, message }) => ({
      reason: 'KernelRefused',
      message: `The kernel refused ${describeChange(change)}: ${message}${message === code ? '' : ` (${code})`}.`,
      remedy: 'See whether something else on the node owns that name, address or route; it is tried again.',
    }));
}

/** Whether anything of an attachment that is wanted no more is still on the node. */
function hasRemains(name: string, outcome: Outcome): boolean {
  const alias = aliasFor(name);
  if (outcome.facts.network.links.some((link) => link.altNames.includes(alias))) return true;
  return shimsOf(outcome).some((shim) => shim.attachments.includes(name));
}

function cleaningEntry(entry: NodeAttachment, outcome: Outcome): NodeAttachment {
  const problems = refusedProblems(outcome.refusals, () => true);
  const { name, uid, observedGeneration } = entry;
  return {
    name,
    ...(uid === undefined ? {} : { uid }),
    phase: 'Cleaning',
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(entry.interface === undefined ? {} : { interface: entry.interface }),
    ...(entry.ifindex === undefined ? {} : { ifindex: entry.ifindex }),
    ...(problems.length === 0 ? {} : { problems: problems.map(problemStatus) }),
  };
}

/**
 * Every shim of ours that there is, whether it is wanted or not. One that the kernel does not let go stays with the attachments
 * that it was for; so does one with others' routes on it that the kernel does not let go.
 */
function shimsOf({ plan, facts }: Outcome): readonly NodeShim[] {
  const { links } = facts.network;
  const before = facts.state?.status?.shims ?? [];
  return links
    .filter((link) => isOwnShim(link, plan.nodeUid))
    .map(({ name, mac, lower }) => {
      const planned = plan.shims.find((shim) => shim.name === name && shim.parent === lower);
      const { attachments: left = [] } = before.find((shim) => shim.name === name) ?? {};
      const isClean = planned !== undefined && !hasStrays(planned, facts.network);
      const attachments = isClean
        ? planned.attachments
        : [...new Set([...(planned?.attachments ?? []), ...left])].sort();
      return { name, mac, parent: links.find(({ ifindex }) => ifindex === lower)?.name ?? '', attachments };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function podStatus(pod: PodLink, { started }: NodeFacts): NodePod {
  const { namespace, name, uid, attachment, mac, ips, duplicates, rivals, state, problem } = pod;
  return {
    namespace,
    name,
    uid,
    attachment,
    interface: pod.interface,
    ...(mac === '' ? {} : { mac }),
    ...(ips.length === 0 ? {} : { ips }),
    ...(duplicates === undefined ? {} : { duplicates }),
    ...(rivals === undefined ? {} : { rivals: rivals.slice(0, LIMITS.rivals) }),
    state,
    ...(started?.has(uid) === true ? { evidence: 'Cgroup' } : {}),
    ...(problem === undefined ? {} : { problem: problemStatus(problem) }),
  };
}

function problemStatus({ reason, message, remedy, severity }: ProblemStatus): ProblemStatus {
  return {
    reason,
    message,
    ...(severity === undefined ? {} : { severity }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}
