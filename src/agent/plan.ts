// What this node should look like and why: the one decision of the agent, made from everything that it knows. No effects.
import type { Node, Pod } from '../api/kube.ts';
import type { MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import type { EndedPod, MacvlanNodeState, NodePod } from '../api/v1alpha1/node-state.ts';
import { aliasFor } from '../domain/attachment/alias.ts';
import { matchesNode } from '../domain/attachment/facts.ts';
import { hostAccessProblem } from '../domain/attachment/validate.ts';
import { type DhcpSight, daemonProblem, lacksDaemon, leaseProblems } from '../domain/dhcp/problems.ts';
import type { Change } from '../domain/net/change.ts';
import type { Link, Network } from '../domain/net/network.ts';
import { diffAliases, type WantedAliases } from '../domain/parent/alias.ts';
import { type ProbeFinding, type ProbeWish, probeKeyOf, probeWishFor } from '../domain/parent/mac-filter.ts';
import { type Choice, decideParent } from '../domain/parent/match.ts';
import { arpRespondersAmong } from '../domain/parent/preflight/host.ts';
import { preflight } from '../domain/parent/preflight/list.ts';
import { pluginsFor } from '../domain/parent/preflight/plugins.ts';
import { sharingProblems } from '../domain/parent/sharing.ts';
import { attachedPods } from '../domain/pod/attached.ts';
import type { Rivals } from '../domain/pod/contested.ts';
import { judgeLinks, type LinkSights, type PodLink } from '../domain/pod/link-state.ts';
import { type ProvenLink, provenLinks } from '../domain/pod/proven.ts';
import type { Problem } from '../domain/problem.ts';
import { diffShims } from '../domain/shim/diff.ts';
import { planShims, type ShimPlan, type ShimPlans, type ShimUser } from '../domain/shim/plan.ts';
import { type Choices, choiceKeyOf } from './choices.ts';

/** What a look at the node's pods has shown. */
export interface LinkSightings {
  /** What is known of pods' links from the inside; nothing where nobody has looked yet. */
  readonly sights?: LinkSights;
  /** Keys of links that are written on pods and that CNI's result cache does not know. */
  readonly unknown?: ReadonlySet<string>;
  /** Other devices on the LAN that have addresses of pods' links. */
  readonly rivals?: Rivals;
  /** Pods whose objects are gone, and of which nothing is left on the node. */
  readonly ended?: readonly EndedPod[];
  /** Uids of pods that were seen at work in this boot. */
  readonly started?: ReadonlySet<string>;
  /** The node's DHCP daemon and its leases; nothing where nobody looks. */
  readonly dhcp?: DhcpSight;
}

/** Everything that decisions are made from: gathered once per turn, then only read. */
export interface NodeFacts extends LinkSightings {
  readonly node: Node;
  /** The kernel's id of this boot. */
  readonly bootId: string;
  readonly attachments: readonly MacvlanAttachment[];
  /** Pods of this node. */
  readonly pods: readonly Pod[];
  /** What the API server holds about this node. */
  readonly state: MacvlanNodeState | undefined;
  readonly network: Network;
  /** CNI plugins that the node lacks. */
  readonly missingPlugins: ReadonlySet<string>;
  /** Indexes of links where some program listens for ARP; nothing when that cannot be seen. */
  readonly arpListeners?: ReadonlySet<number>;
  /** What MAC-filter probes found, by `probeKeyOf`. */
  readonly probes?: ReadonlyMap<string, ProbeFinding>;
  /** Parents chosen and verified before. */
  readonly choices: Choices;
}

/** What is decided about one attachment that this node takes part in. */
export interface AttachmentPlan {
  readonly attachment: MacvlanAttachment;
  readonly alias: string;
  /** The NodeState has an entry for it. Before that, nothing new is done for it. */
  readonly isAnnounced: boolean;
  readonly parent?: Link;
  readonly choice?: Choice;
  /** The alias belongs on the parent. */
  readonly wantsAlias: boolean;
  readonly wantsHostAccess: boolean;
  /** What is wrong with the parent or the node. */
  readonly problems: readonly Problem[];
  /** What may get in the way, and holds nothing back. */
  readonly warnings: readonly Problem[];
  /** What the MAC-filter probe is to ask on the parent, where the attachment wants to know. */
  readonly probe?: ProbeWish | 'NoGateway';
  /** What it has found. */
  readonly finding?: ProbeFinding;
  /** The DHCP daemon that pods of the attachment need is missing. */
  readonly dhcpProblem?: Problem;
  /** What is wrong with host access. */
  readonly hostAccessProblems: readonly Problem[];
  /** What is wrong with single pods; host access works for the others. */
  readonly podProblems: readonly Problem[];
}

export interface NodePlan {
  readonly attachments: readonly AttachmentPlan[];
  readonly aliases: WantedAliases;
  /** Those that may be taken off: of attachments that there are, and of those that the NodeState tells of. */
  readonly ownAliases: ReadonlySet<string>;
  /** Shims of this node are known by it. */
  readonly nodeUid: string;
  readonly shims: readonly ShimPlan[];
  readonly pods: readonly PodLink[];
}

/** The plan for the node. Same facts, same plan. */
export function planNode(facts: NodeFacts): NodePlan {
  const wanted = facts.attachments
    .filter((attachment) => isWanted(attachment, facts.node))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const pods = attachedPods(facts.pods, new Set(facts.attachments.map((attachment) => attachment.metadata.name)));
  const parents = settleSharing(
    wanted.map((attachment) => planParent(attachment, facts)),
    facts.network,
  );
  const { sights = new Map(), unknown = new Set() } = facts;
  const nodeUid = nodeUidOf(facts.node);
  const proven = provenLinks({ pods: facts.pods, attached: pods, sights, unknown });
  const users = parents.flatMap((plan) => shimUserFor(plan, proven.links, facts.network));
  const shimPlans = planShims(users, facts.network, nodeUid);
  return {
    attachments: parents.map((plan) => withProblems(plan, shimPlans, proven.problems)),
    aliases: aliasesOf(parents),
    ownAliases: ownAliasesOf(facts),
    nodeUid,
    shims: shimPlans.shims,
    pods: judgeLinks({
      pods: facts.pods,
      attached: pods,
      attachments: new Map(facts.attachments.map((attachment) => [attachment.metadata.name, attachment])),
      sights,
      ...(facts.rivals === undefined ? {} : { rivals: facts.rivals }),
      before: saidInThisBoot(facts),
      parents: verifiedParents(parents),
    }),
  };
}

/** What was said of links before a reboot says nothing of those that there are now. */
function saidInThisBoot({ state, bootId }: NodeFacts): readonly NodePod[] {
  const { agent, pods = [] } = state?.status ?? {};
  return agent?.bootId === bootId ? pods : [];
}

/** NICs that pods are attached to now, by attachment: those that have the alias. */
export function verifiedParents(plans: readonly AttachmentPlan[]): ReadonlyMap<string, number> {
  const parents = new Map<string, number>();
  for (const { attachment, parent, alias, wantsAlias } of plans)
    if (wantsAlias && parent?.altNames.includes(alias) === true) parents.set(attachment.metadata.name, parent.ifindex);
  return parents;
}

/** The next changes to the node's network; none when it is as planned. Shims in `held` are left alone for now. */
export function diffNode(plan: NodePlan, network: Network, held?: ReadonlySet<string>): readonly Change[] {
  const { aliases, ownAliases, shims, nodeUid } = plan;
  return [...diffAliases(aliases, ownAliases, network.links), ...diffShims(shims, network, { nodeUid, held })];
}

/** An attachment takes part until its own clean-up begins; while pods still leave, everything keeps working. */
function isWanted(attachment: MacvlanAttachment, node: Node): boolean {
  return attachment.status?.phase !== 'Cleaning' && matchesNode(attachment, node);
}

function planParent(attachment: MacvlanAttachment, facts: NodeFacts): AttachmentPlan {
  const { name } = attachment.metadata;
  const base = {
    attachment,
    alias: aliasFor(name),
    isAnnounced: entryFor(name, facts.state) !== undefined,
    wantsHostAccess: (attachment.spec.hostAccess?.type ?? 'None') === 'Routed',
    hostAccessProblems: [],
    podProblems: leaseProblems(name, facts.dhcp, facts.sights ?? new Map()),
  };
  const { labels } = facts.node.metadata;
  const decision = decideParent(attachment, labels, facts.network, facts.choices.get(choiceKeyOf(attachment.metadata)));
  if (decision.type === 'None') return { ...base, wantsAlias: false, problems: [decision.problem], warnings: [] };
  const { link: parent, choice } = decision;
  const missingPlugins = pluginsFor(attachment).filter((plugin) => facts.missingPlugins.has(plugin));
  const probe = probeWishFor(attachment, parent, facts.network, nodeUidOf(facts.node));
  const finding = findingOf(probe, name, facts);
  const { osImage = '', kernelVersion = '' } = facts.node.status?.nodeInfo ?? {};
  const { problems, warnings } = preflight({
    attachment,
    parent,
    alias: base.alias,
    links: facts.network.links,
    missingPlugins,
    system: { osImage, kernelVersion },
    arpResponders: arpRespondersAmong(facts.pods),
    ...(facts.arpListeners === undefined ? {} : { arpListeners: facts.arpListeners }),
    ...(finding === undefined ? {} : { probe: finding }),
  });
  const isOn = parent.altNames.includes(base.alias);
  // Once verified, a NIC keeps the alias: a flapping carrier must not change what running pods and CNI rely on.
  const isComplete = problems.length === 0 && !lacksDaemon(attachment, facts.dhcp);
  const wantsAlias = isOn || (base.isAnnounced && isComplete);
  const dhcpProblem = daemonProblem(attachment, facts.dhcp);
  const probing = { ...(probe === undefined ? {} : { probe }), ...(finding === undefined ? {} : { finding }) };
  const daemon = dhcpProblem === undefined ? {} : { dhcpProblem };
  return { ...base, parent, choice, problems, warnings, wantsAlias, ...probing, ...daemon };
}

/** A new process has found out nothing yet: what the one before it said of the same device stands until then. */
function findingOf(
  probe: ProbeWish | 'NoGateway' | undefined,
  name: string,
  { probes, state, bootId }: NodeFacts,
): ProbeFinding | undefined {
  if (probe === undefined || probe === 'NoGateway') return undefined;
  const known = probes?.get(probeKeyOf(probe));
  if (known !== undefined) return known;
  const entry = entryFor(name, state);
  if (entry?.macFilterProbe !== 'Filtered' || entry.incarnation !== `${bootId}/${probe.parent}`) return undefined;
  return { verdict: 'Filtered', gateway: probe.gateway };
}

function nodeUidOf({ metadata: { uid, name } }: Node): string {
  return uid ?? name;
}

/** An attachment whose NIC is another's gets no alias, or loses the one it has: its pods could not be attached anyway. */
function settleSharing(plans: readonly AttachmentPlan[], network: Network): readonly AttachmentPlan[] {
  const tenants = plans.flatMap(({ attachment, parent }) => (parent === undefined ? [] : [{ attachment, parent }]));
  const taken = sharingProblems(tenants, network.links);
  return plans.map((plan) => {
    const problem = taken.get(plan.attachment.metadata.name);
    return problem === undefined ? plan : { ...plan, wantsAlias: false, problems: [problem, ...plan.problems] };
  });
}

function entryFor(name: string, state: MacvlanNodeState | undefined) {
  return state?.status?.attachments?.find((entry) => entry.name === name);
}

function shimUserFor(plan: AttachmentPlan, links: readonly ProvenLink[], network: Network): readonly ShimUser[] {
  const { attachment, parent } = plan;
  if (!plan.wantsHostAccess || !plan.wantsAlias || parent === undefined) return [];
  if (hostAccessProblem(attachment) !== undefined) return [];
  const isThere = network.links.some((link) => link.kind === 'macvlan' && link.lower === parent.ifindex);
  if (!plan.isAnnounced && !isThere) return [];
  const { name } = attachment.metadata;
  return [{ attachment: name, parent, pods: links.filter((link) => link.attachment === name) }];
}

function withProblems(plan: AttachmentPlan, shims: ShimPlans, unproven: ReadonlyMap<string, Problem>): AttachmentPlan {
  if (!plan.wantsHostAccess) return plan;
  const unsupported = hostAccessProblem(plan.attachment);
  if (unsupported !== undefined) return { ...plan, hostAccessProblems: [unsupported] };
  const { name } = plan.attachment.metadata;
  const doubt = unproven.get(name);
  return {
    ...plan,
    hostAccessProblems: shims.problems.get(name) ?? [],
    podProblems: [...plan.podProblems, ...(shims.podProblems.get(name) ?? []), ...(doubt === undefined ? [] : [doubt])],
  };
}

function aliasesOf(plans: readonly AttachmentPlan[]): WantedAliases {
  const aliases = new Map<string, number>();
  for (const { wantsAlias, parent, alias } of plans)
    if (wantsAlias && parent !== undefined) aliases.set(alias, parent.ifindex);
  return aliases;
}

function ownAliasesOf({ attachments, state }: NodeFacts): ReadonlySet<string> {
  const known = attachments.map(({ metadata }) => metadata.name);
  const left = (state?.status?.attachments ?? []).map(({ name }) => name);
  return new Set([...known, ...left].map(aliasFor));
}
