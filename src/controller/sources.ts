// Which kinds wake which keys: the map of this process. Handlers work out keys and nothing else; all work happens in the queues.
//
//   MacvlanAttachment ──▶ itself (soon, when only its status changed); nodes it takes or took (label); the DaemonSet and pods without their link, when repair changes
//   Namespace ──────────▶ attachments that want it or wanted it
//   Node ───────────────▶ itself; the DaemonSet; attachments that it joins or leaves, or whose node is Ready or no longer so, or was
//                         booted; pods of a node that was booted
//   NAD ────────────────▶ the attachment of its name
//   MacvlanNodeState ───▶ its node; soon, attachments about which it says something new; pods whose link it says something new of
//   DaemonSets (ours) ──▶ themselves
//   Multus comes, goes ─▶ all attachments
//
// and the groups of identities:
//
//   Pod that asks ──────▶ its group
//   Pod that starts ────▶ itself, to be told that it should have asked
//   MacvlanIdentity ────▶ its group
//   MacvlanClaim goes ──▶ its group, and those where a pod waits
//   Node ───────────────▶ groups whose pods are on it, and those where a pod waits, when an attachment is ready there
//   MacvlanNodeState ───▶ groups whose holder it says is gone
//   Attachment, NAD ────▶ groups where a pod waits, and those of pods that are bound to it
//   Namespace ──────────▶ groups where a pod waits, when the guards begin or cease to leave it out
//
// and addresses that may be in two places: identity/conflict-sources.ts
import type { Namespace, Node, Pod } from '../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../api/multus.ts';
import { LABEL_READY_PREFIX } from '../api/names.ts';
import type { MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import type { MacvlanClaim } from '../api/v1alpha1/claim.ts';
import type { MacvlanIdentity } from '../api/v1alpha1/identity.ts';
import type { MacvlanNodeState } from '../api/v1alpha1/node-state.ts';
import { wantsDhcpDaemon } from '../domain/attachment/dhcp-daemonset.ts';
import { matchesNode, wantsNamespace } from '../domain/attachment/facts.ts';
import { isLabelled, isLabelledForDhcp } from '../domain/attachment/node-membership.ts';
import { isAnotherBoot } from '../domain/earlier-boot.ts';
import { isExempt } from '../domain/identity/elsewhere.ts';
import { isEqual } from '../domain/objects/equal.ts';
import type { Change } from '../kernel/watch/store.ts';
import type { Reports } from './attachment/reports.ts';
import { groupKeyOfClaim, groupKeyOfIdentity, groupKeyOfPod } from './identity/keys.ts';
import { podsToLookAt } from './pods/keys.ts';
import type { Stores } from './stores.ts';

/** Asks for a turn on a key. */
export type Wake = (key: string) => void;

export interface Wakes {
  readonly attachment: Wake;
  /**
   * The same after a moment in which more of the kind may come: nodes tend to report together. After a failure not before the
   * next try.
   */
  readonly attachmentSoon: Wake;
  readonly node: Wake;
  readonly daemonSet: () => void;
  /** Pods by the word of their node. */
  readonly pod: Wake;
  /** Identities, by `namespace/group`. */
  readonly identities: Wake;
  /** Pods that start on a node without an identity. */
  readonly unbound: Wake;
}

export function connectSources(stores: Stores, reports: Reports, wakes: Wakes): void {
  const attachmentsThat = (test: (attachment: MacvlanAttachment) => boolean) => {
    for (const attachment of stores.attachments.list())
      if (test(attachment)) wakes.attachment(attachment.metadata.name);
  };

  stores.attachments.onChange((change) => {
    wakeItself(change, wakes);
    if (!isEqual(change.old?.spec.repair, change.current?.spec.repair)) {
      wakes.daemonSet();
      for (const state of stores.nodeStates.by('attachment', change.key)) wakePods(state, wakes);
    }
    // Agents have a right more while somebody wants a probe.
    if (change.old?.spec.macFilterProbe?.type !== change.current?.spec.macFilterProbe?.type) wakes.daemonSet();
    if (!changesMembership(change)) return;
    const isConcerned = (node: Node) => versions(change).some((attachment) => matchesNode(attachment, node));
    for (const node of stores.nodes.list()) if (isConcerned(node)) wakes.node(node.metadata.name);
  });

  stores.namespaces.onChange((change) => {
    if (change.old !== undefined && change.current !== undefined && isSameNamespace(change.old, change.current)) return;
    attachmentsThat((attachment) => {
      const isNamed = attachment.spec.namespaces.names?.includes(change.key) === true;
      return isNamed || versions(change).some((namespace) => wantsNamespace(attachment, namespace));
    });
  });

  stores.nodes.onChange((change) => {
    const { old, current } = change;
    if (old !== undefined && current !== undefined && isSameNode(old, current)) return;
    wakes.node(change.key);
    const isNewBoot = isAnotherBoot(old, current);
    const state = stores.nodeStates.get(change.key);
    if (isNewBoot && state !== undefined) wakePods(state, wakes);
    if (programsOn(old) !== programsOn(current)) wakes.daemonSet();
    // Labels change often, and we write some ourselves: most attachments are not concerned.
    const isBeginOrEnd = old === undefined || current === undefined;
    const isNewReadiness = isBeginOrEnd || !isEqual(old.status?.conditions, current.status?.conditions);
    attachmentsThat((attachment) => {
      // A deleted one may be waiting for this node, whatever its labels say now.
      if (isNewReadiness && attachment.metadata.deletionTimestamp !== undefined) return true;
      const [took, takes] = [old, current].map((node) => node !== undefined && matchesNode(attachment, node));
      return took !== takes || (takes === true && (isNewReadiness || isNewBoot));
    });
  });

  stores.definitions.onChange(({ old, current }) => {
    const definition = current ?? old;
    if (definition !== undefined) wakes.attachment(definition.metadata.name);
  });

  stores.nodeStates.onChange(({ key, old, current }) => {
    wakes.node(key);
    for (const name of reports.changedBetween(old, current)) wakes.attachmentSoon(name);
    for (const pod of podsToLookAt(key, old, current)) wakes.pod(pod);
  });

  for (const own of [stores.daemonSets, stores.dhcpDaemonSets]) own.onChange(() => wakes.daemonSet());
  connectPools(stores, wakes);
  connectIdentities(stores, wakes.identities);
  stores.starting.onChange(({ key, old, current }) => {
    if (isOnNetworks(current ?? old)) wakes.unbound(key);
  });
}

function connectIdentities(stores: Stores, wake: Wake): void {
  const whereSomebodyWaits = () => {
    for (const pod of stores.pods.by('waiting', 'all')) wake(groupKeyOfPod(pod));
  };
  stores.pods.onChange((change) => {
    for (const pod of versions(change)) wake(groupKeyOfPod(pod));
  });
  stores.identities.onChange((change) => {
    for (const identity of versions(change)) wake(groupKeyOfIdentity(identity));
  });
  stores.claims.onChange(({ old, current }) => {
    if (old === undefined || current !== undefined) return;
    wake(groupKeyOfClaim(old));
    whereSomebodyWaits();
  });
  stores.nodes.onChange(({ key, old, current }) => {
    if (isReadyForMore(old, current)) whereSomebodyWaits();
    if (isSameMachine(old, current)) return;
    for (const identity of stores.identities.by('node', key)) wake(groupKeyOfIdentity(identity));
  });
  stores.nodeStates.onChange(({ key, old, current }) => {
    const before = old?.status?.ended ?? [];
    const news = (current?.status?.ended ?? []).filter(({ uid }) => !before.some((known) => known.uid === uid));
    const isAbout = ({ status }: MacvlanIdentity) => news.some(({ uid }) => uid === status?.holder?.uid);
    if (news.length === 0) return;
    const held = [key, ''].flatMap((node) => stores.identities.by('node', node));
    for (const identity of held.filter(isAbout)) wake(groupKeyOfIdentity(identity));
  });
  stores.attachments.onChange(({ old, current }) => {
    // Pods that wait for a node are told what is wrong there, in the words of the attachment's status.
    const isNewTrouble =
      current?.spec.placement?.type === 'Require' && !isEqual(old?.status?.problems, current.status?.problems);
    if (isNewTrouble || !isEqual(old?.spec, current?.spec)) whereSomebodyWaits();
  });
  stores.definitions.onChange(({ type }) => {
    if (type !== 'update') whereSomebodyWaits();
  });
  stores.namespaces.onChange(({ old, current }) => {
    if (isExempt(old) !== isExempt(current)) whereSomebodyWaits();
  });
  connectAdoption(stores, wake);
}

/** Pods that run may be without their identity until it can be told which of their networks are ours. */
function connectAdoption(stores: Stores, wake: Wake): void {
  const whereSomebodyIsBound = (definition: string) => {
    for (const pod of stores.pods.by('definition', definition)) wake(groupKeyOfPod(pod));
  };
  stores.definitions.onChange(({ type, key }) => {
    if (type === 'add') whereSomebodyIsBound(key);
  });
  stores.attachments.onChange(({ type, key }) => {
    const definitions = type === 'add' ? stores.definitions.by('name', key) : [];
    for (const { metadata } of definitions) whereSomebodyIsBound(`${metadata.namespace}/${metadata.name}`);
  });
}

/** Pools of attachments on one LAN must not hold the same addresses; on which LAN they are is seen once they are on their NICs. */
function connectPools(stores: Stores, wakes: Wakes): void {
  const pools = () => {
    for (const attachment of stores.attachments.list()) {
      if (attachment.spec.ipam.type === 'Pool') wakes.attachmentSoon(attachment.metadata.name);
    }
  };
  stores.attachments.onChange(({ old, current }) => {
    if (!isEqual(old?.spec.ipam.pool, current?.spec.ipam.pool)) pools();
  });
  stores.nodeStates.onChange(({ old, current }) => {
    if (!isEqual(nicsIn(old), nicsIn(current))) pools();
  });
}

/** On which NIC each attachment is. */
function nicsIn(state: MacvlanNodeState | undefined): unknown {
  return (state?.status?.attachments ?? []).map(({ name, incarnation }) => [name, incarnation]);
}

/** Asks for a turn on every key there is: a slow safety net under the watches. */
export function wakeAll(stores: Stores, wakes: Wakes): void {
  for (const key of stores.attachments.keys()) wakes.attachment(key);
  for (const { metadata } of stores.definitions.list()) wakes.attachment(metadata.name);
  for (const key of stores.nodes.keys()) wakes.node(key);
  for (const key of stores.nodeStates.keys()) wakes.node(key);
  for (const state of stores.nodeStates.list()) wakePods(state, wakes);
  for (const pod of stores.pods.list()) wakes.identities(groupKeyOfPod(pod));
  for (const identity of stores.identities.list()) wakes.identities(groupKeyOfIdentity(identity));
  for (const claim of stores.claims.list()) wakes.identities(groupKeyOfClaim(claim));
  wakes.daemonSet();
}

/** Claims whose identity was never made, since the controller before this one died: if their pod went, too, nothing else tells of them. */
export function wakeOrphans({ claims, identities }: Stores, wakes: Wakes): void {
  const isOrphan = ({ spec: { identity } }: MacvlanClaim) =>
    identities.get(`${identity.namespace}/${identity.name}`) === undefined;
  for (const claim of claims.list()) if (isOrphan(claim)) wakes.identities(groupKeyOfClaim(claim));
}

function wakePods(state: MacvlanNodeState, wakes: Wakes): void {
  for (const pod of podsToLookAt(state.metadata.name, undefined, state)) wakes.pod(pod);
}

function versions<T>({ old, current }: Change<T>): readonly T[] {
  return [old, current].filter((object) => object !== undefined);
}

/** Our own status comes back here as well, which must not cut short the pause after a failure that it tells of. */
function wakeItself(change: Change<MacvlanAttachment>, wakes: Wakes): void {
  if (isWish(change)) wakes.attachment(change.key);
  else if (!isEqual(change.old?.status, change.current?.status)) wakes.attachmentSoon(change.key);
}

/** Whether somebody wants something else of the attachment: it came, went, or is another one but for its status. */
function isWish({ old, current }: Change<MacvlanAttachment>): boolean {
  return !isEqual(wishIn(old), wishIn(current));
}

function wishIn(attachment: MacvlanAttachment | undefined): unknown {
  if (attachment === undefined) return undefined;
  const { uid, generation, labels, annotations, finalizers, deletionTimestamp } = attachment.metadata;
  return [uid, generation, labels, annotations, finalizers, deletionTimestamp, attachment.spec];
}

/** Whether the change can put a node in or out of an attachment's reach. */
function changesMembership({ old, current }: Change<MacvlanAttachment>): boolean {
  return !isEqual(membershipOf(old), membershipOf(current));
}

function membershipOf(attachment: MacvlanAttachment | undefined): unknown {
  if (attachment === undefined) return undefined;
  const { metadata, spec, status } = attachment;
  const isDeleted = metadata.deletionTimestamp !== undefined;
  return [spec.nodeSelector ?? {}, isDeleted, isDeleted ? status?.phase : undefined, wantsDhcpDaemon(attachment)];
}

function isSameNamespace(a: Namespace, b: Namespace): boolean {
  return (
    isEqual(a.metadata.labels, b.metadata.labels) &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    a.status?.phase === b.status?.phase
  );
}

/** Which of our programs the node is labelled for. */
function programsOn(node: Node | undefined): string {
  const [agent, dhcp] = [isLabelled, isLabelledForDhcp].map((has) => node !== undefined && has(node));
  return `${agent} ${dhcp}`;
}

/** A kubelet touches its Node every few minutes; only labels, readiness and the boot are news. */
function isSameNode(a: Node, b: Node): boolean {
  const isSame = isEqual(a.metadata.labels, b.metadata.labels) && isEqual(a.status?.conditions, b.status?.conditions);
  return isSame && !isAnotherBoot(a, b);
}

/** Whether the pod asks for more than the cluster's network. */
function isOnNetworks(pod: Pod | undefined): boolean {
  return pod?.metadata.annotations?.[ANNOTATION_NETWORKS] !== undefined;
}

/** Whether pods that may go only where their attachments are ready may have got a node. */
function isReadyForMore(old: Node | undefined, current: Node | undefined): boolean {
  const { labels: before = {} } = old?.metadata ?? {};
  const { labels: after = {} } = current?.metadata ?? {};
  const isNews = Object.keys({ ...before, ...after }).some((key) => before[key] !== after[key]);
  return isNews && Object.keys(after).some((key) => key.startsWith(LABEL_READY_PREFIX));
}

/** Whether pods that ran there may still run there. */
function isSameMachine(a: Node | undefined, b: Node | undefined): boolean {
  return isEqual([a?.spec?.taints, a?.status?.nodeInfo], [b?.spec?.taints, b?.status?.nodeInfo]);
}
