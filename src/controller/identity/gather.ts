// Gather: everything that the decision about one group of identities is made from, as one value.
import { DEPLOYMENT, NODE, POD, type Pod, REPLICA_SET } from '../../api/kube.ts';
import { ANNOTATION_RELEASE } from '../../api/names.ts';
import type { IdentityReference, MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import { IDENTITY, type IdentityHolder, type MacvlanIdentity } from '../../api/v1alpha1/identity.ts';
import type { EndedPod } from '../../api/v1alpha1/node-state.ts';
import { wantsNamespace } from '../../domain/attachment/facts.ts';
import { isOurs } from '../../domain/attachment/network-definition-metadata.ts';
import { unrecordedHolders } from '../../domain/identity/adopt.ts';
import { groupOf, isWaiting } from '../../domain/identity/key.ts';
import type { NetworkView } from '../../domain/identity/links.ts';
import type { GroupFacts } from '../../domain/identity/plan.ts';
import { type HolderFacts, nodeNameOf, restsOnNode } from '../../domain/identity/release.ts';
import { holderFor } from '../../domain/identity/status.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { Stores } from '../stores.ts';
import { groupKeyOfClaim, groupKeyOfIdentity, groupKeyOfPod } from './keys.ts';
import type { LastSeen } from './last-seen.ts';

export interface IdentitySight {
  readonly client: Pick<KubeClient, 'get' | 'list'>;
  readonly stores: Stores;
  readonly pods: OwnWrites<Pod>;
  readonly identities: OwnWrites<MacvlanIdentity>;
  readonly claims: OwnWrites<MacvlanClaim>;
  readonly lastSeen: LastSeen;
}

/** @param key `namespace/group` */
export async function gatherGroup(sight: IdentitySight, key: string, signal: AbortSignal): Promise<GroupFacts> {
  const namespace = key.slice(0, key.indexOf('/'));
  const pods = sight.pods.by('group', key, (pod) => groupKeyOfPod(pod) === key);
  const identities = sight.identities.by('group', key, (identity) => groupKeyOfIdentity(identity) === key);
  const claims = sight.claims.by('group', key, (claim) => groupKeyOfClaim(claim) === key);
  const replicas = await replicasFor(sight, namespace, pods, signal);
  const holders = new Map<string, HolderFacts>();
  for (const identity of identities) {
    const holder = identity.status?.holder;
    if (holder !== undefined) holders.set(identity.metadata.name, await holderFacts(sight, identity, holder, signal));
  }
  for (const [name, pod] of unrecordedHolders(pods, identities)) {
    const identity = identities.find(({ metadata }) => metadata.name === name);
    const seen = { holder: holderFor(pod), pod, lastSeen: undefined };
    holders.set(name, await withFreshNode(sight, factsOf(sight, seen, identity), signal));
  }
  return { namespace, pods, identities, claims, replicas, holders };
}

const KINDS = { Deployment: DEPLOYMENT, ReplicaSet: REPLICA_SET } as const;

/** The one thing that is fetched, and only while a pod waits: how many slots there are. */
async function replicasFor(
  { client }: IdentitySight,
  namespace: string,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<number | undefined> {
  const owner = pods
    .filter(isWaiting)
    .map((pod) => groupOf(pod).slotsOf)
    .find((slotsOf) => slotsOf !== undefined);
  if (owner === undefined) return undefined;
  const found = await client.get(KINDS[owner.kind], { namespace, name: owner.name }, signal);
  return found?.spec?.replicas;
}

async function holderFacts(
  sight: IdentitySight,
  identity: MacvlanIdentity,
  holder: IdentityHolder,
  signal: AbortSignal,
): Promise<HolderFacts> {
  const pod = await podOf(sight, identity.metadata.namespace ?? '', holder, signal);
  const lastSeen = pod === undefined ? sight.lastSeen.get(holder.uid) : undefined;
  return withFreshNode(sight, factsOf(sight, { holder, pod, lastSeen }, identity), signal);
}

/** The watch of the nodes may be behind that of the pods, or broken: before anything rests on a node, the API server is asked. */
async function withFreshNode({ client }: IdentitySight, facts: HolderFacts, signal: AbortSignal): Promise<HolderFacts> {
  const name = nodeNameOf(facts.pod ?? facts.lastSeen) ?? facts.holder.node;
  if (name === undefined || !restsOnNode(facts)) return facts;
  // By list: nobody else needs a grant to get nodes.
  const { items } = await client.list(NODE, { fieldSelector: `metadata.name=${name}`, signal });
  return { ...facts, node: items[0] };
}

function factsOf(
  { stores }: IdentitySight,
  seen: Pick<HolderFacts, 'holder' | 'pod' | 'lastSeen'>,
  identity: MacvlanIdentity | undefined,
): HolderFacts {
  const node = nodeNameOf(seen.pod ?? seen.lastSeen) ?? seen.holder.node;
  return {
    ...seen,
    node: node === undefined ? undefined : stores.nodes.get(node),
    ended: node === undefined ? endedAnywhere(stores, seen) : endedOn(stores, node),
    released: identity?.metadata.annotations?.[ANNOTATION_RELEASE],
  };
}

/** A node's word counts for its own pods only. */
function endedOn({ nodeStates }: Stores, node: string): ReadonlySet<string> {
  return new Set((nodeStates.get(node)?.status?.ended ?? []).map(({ uid }) => uid));
}

/** Of a pod whose node nobody has noted before it was gone: an agent that has seen it attached knows that it was there. */
function endedAnywhere(
  { nodeStates }: Stores,
  { holder, pod }: Pick<HolderFacts, 'holder' | 'pod'>,
): ReadonlySet<string> {
  if (pod !== undefined) return new Set();
  const isIt = ({ uid, name }: EndedPod) => uid === holder.uid && name === holder.pod;
  return new Set(nodeStates.list().some(({ status }) => status?.ended?.some(isIt) === true) ? [holder.uid] : []);
}

/**
 * Whether the API server has the identity. What its claims keep off others is given up for good only when it has not: a watch that is
 * behind, or broken, lacks identities that are there.
 */
export async function isIdentityThere(
  { client }: Pick<IdentitySight, 'client'>,
  { namespace, name }: IdentityReference,
  signal: AbortSignal,
): Promise<boolean> {
  // By list: nobody else needs a grant to get single identities.
  const one = { namespace, fieldSelector: `metadata.name=${name}`, signal };
  return (await client.list(IDENTITY, one)).items.length > 0;
}

/** By uid, and asked for where the watch does not show it: that it left the watch is no proof that it is gone. */
async function podOf(
  { client, pods, lastSeen }: IdentitySight,
  namespace: string,
  { pod: name, uid }: IdentityHolder,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const seen = pods.get(`${namespace}/${name}`);
  if (seen?.metadata.uid === uid) return seen;
  const found = await client.get(POD, { namespace, name }, signal);
  if (found?.metadata.uid !== uid) return undefined;
  lastSeen.forget(uid);
  return found;
}

/** Names as the networks annotation has them: ours are attachments with our own NAD in that namespace. */
export function networkViewOf({ stores }: Pick<IdentitySight, 'stores'>): NetworkView {
  return (namespace, name) => {
    const attachment = stores.attachments.get(name);
    const definition = stores.definitions.get(`${namespace}/${name}`);
    if (definition !== undefined && !isOurs(definition)) return 'Foreign';
    if (attachment === undefined) return 'Absent'; // or the NAD of one that is gone, and on its way out
    if (definition !== undefined) return attachment;
    const home = stores.namespaces.get(namespace);
    return home !== undefined && wantsNamespace(attachment, home) ? 'Pending' : 'Absent';
  };
}
