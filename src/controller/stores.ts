// What this process remembers of the cluster, and the watches that keep it so. Each kind is cut down to what decisions read.
import { NAMESPACE, type Namespace, NODE, type Node, type ObjectMeta, POD, type Pod } from '../api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../api/multus.ts';
import { AGENT_NAME, DHCP_NAME, LABEL_GATED } from '../api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import { CLAIM, type MacvlanClaim } from '../api/v1alpha1/claim.ts';
import { IDENTITY, type MacvlanIdentity } from '../api/v1alpha1/identity.ts';
import { type MacvlanNodeState, NODE_STATE } from '../api/v1alpha1/node-state.ts';
import { isOurs, ownAnnotationsOf } from '../domain/attachment/network-definition-metadata.ts';
import { DAEMON_SET, type DaemonSet } from '../domain/attachment/node-daemonset.ts';
import { boundNetworksOf, claimNamesOf, definitionsOf } from '../domain/identity/adopt.ts';
import { addressesIn, addressKey } from '../domain/identity/conflicts.ts';
import { isWaiting } from '../domain/identity/key.ts';
import type { KubeClient } from '../kernel/kube/client.ts';
import type { Logger } from '../kernel/process/logger.ts';
import { Reflector, type WatchObserver } from '../kernel/watch/reflector.ts';
import { Store } from '../kernel/watch/store.ts';
import { cutPod, cutStartingPod, groupKeyOfClaim, groupKeyOfIdentity, groupKeyOfPod } from './identity/keys.ts';
import { internalAddressesOf, lanAddressesOf, nicMacsOf } from './identity/node-addresses.ts';

export interface Stores {
  readonly attachments: Store<MacvlanAttachment>;
  readonly namespaces: Store<Namespace>;
  readonly nodes: Store<Node>;
  /** All of them, those of others by name only; by `name`, which is their attachment's. */
  readonly definitions: Store<NetworkAttachmentDefinition>;
  /** By `attachment`: the states that say something about it; by `address`: those with a pod that has it. */
  readonly nodeStates: Store<MacvlanNodeState>;
  /** The agents' one, or nothing. */
  readonly daemonSets: Store<DaemonSet>;
  /** That of the DHCP daemons, or nothing. */
  readonly dhcpDaemonSets: Store<DaemonSet>;
  /**
   * Those that ask for an identity only; by `group`, and those that are `waiting` for one by `all`. Bound ones by the names of the
   * `claim`s on their addresses, and by the `definition`s of their networks.
   */
  readonly pods: Store<Pod>;
  /** Those that are about to start on a node and ask for no identity, or did so too late: there for a moment each. */
  readonly starting: Store<Pod>;
  /** By `group`, and by the `node` of the pod that holds it, which is empty where nobody knows it. */
  readonly identities: Store<MacvlanIdentity>;
  /** By `group` and `identity` (`namespace/name`), by `attachment` and by `address`. */
  readonly claims: Store<MacvlanClaim>;
}

export interface Watches {
  /** The one whose kind may be missing. */
  readonly definitions: Reflector<NetworkAttachmentDefinition>;
  /** Per kind: resolves when it was listed once (or, for NADs, when the server said that it does not know them). */
  readonly listed: Readonly<Record<string, Promise<void>>>;
  /** Keeps the stores up to date until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export function createStores(): Stores {
  const networksOf = rememberingTheLast(boundNetworksOf);
  return {
    attachments: new Store(),
    namespaces: new Store(),
    nodes: new Store({ indexes: { internalAddress: internalAddressesOf } }),
    definitions: new Store({ indexes: { name: (definition) => [definition.metadata.name] } }),
    nodeStates: new Store({
      indexes: {
        attachment: attachmentsIn,
        address: addressesIn,
        lanAddress: lanAddressesOf,
        nicMac: nicMacsOf,
      },
    }),
    daemonSets: new Store(),
    dhcpDaemonSets: new Store(),
    pods: new Store({
      indexes: {
        group: (pod) => [groupKeyOfPod(pod)],
        waiting: (pod) => (isWaiting(pod) ? ['all'] : []),
        claim: (pod) => claimNamesOf(pod, networksOf(pod)),
        definition: (pod) => definitionsOf(pod, networksOf(pod)),
      },
    }),
    starting: new Store(),
    identities: new Store({
      indexes: {
        group: (identity) => [groupKeyOfIdentity(identity)],
        node: ({ status }) => (status?.holder === undefined ? [] : [status.holder.node ?? '']),
      },
    }),
    claims: new Store({
      indexes: {
        group: (claim) => [groupKeyOfClaim(claim)],
        identity: ({ spec: { identity } }) => [`${identity.namespace}/${identity.name}`],
        attachment: ({ spec }) => [spec.attachment],
        address: ({ spec }) => [addressKey(spec.address) ?? ''],
      },
    }),
  };
}

/** Two indexes ask the same of a pod, one after the other, and to read its annotation takes longer than the rest of storing it. */
function rememberingTheLast<T extends object, V>(read: (object: T) => V): (object: T) => V {
  let last: { readonly object: T; readonly value: V } | undefined;
  return (object) => {
    if (last?.object !== object) last = { object, value: read(object) };
    return last.value;
  };
}

export interface WatchOptions {
  readonly client: KubeClient;
  /** The operator's own namespace. */
  readonly namespace: string;
  readonly logger: Logger;
  readonly observer?: WatchObserver | undefined;
}

/** One watch per store. They do nothing before they are run. */
export function createWatches(stores: Stores, options: WatchOptions): Watches {
  const { client, logger, observer } = options;
  const shared = { client, logger, observer };
  const definitions = new Reflector({
    ...shared,
    kind: NETWORK_ATTACHMENT_DEFINITION,
    store: stores.definitions,
    transform: cutDefinition,
    // Multus may be installed after us; whoever does so should not have to wait half a minute.
    backoffMs: [800, 8000],
  });
  // RBAC allows to watch these two by name, and no others.
  const [daemonSets, dhcpDaemonSets] = [
    ownDaemonSet(AGENT_NAME, stores.daemonSets, options),
    ownDaemonSet(DHCP_NAME, stores.dhcpDaemonSets, options),
  ];
  const attachments = new Reflector({ ...shared, kind: ATTACHMENT, store: stores.attachments });
  const nodes = new Reflector({ ...shared, kind: NODE, store: stores.nodes, transform: cutNode });
  const namespaces = new Reflector({
    ...shared,
    kind: NAMESPACE,
    store: stores.namespaces,
    transform: cutNamespace,
  });
  const nodeStates = new Reflector({
    ...shared,
    kind: NODE_STATE,
    store: stores.nodeStates,
    transform: cutNodeState,
  });
  const pods = new Reflector({
    ...shared,
    kind: POD,
    store: stores.pods,
    labelSelector: LABEL_GATED,
    transform: cutPod,
  });
  const starting = new Reflector({
    client,
    logger,
    kind: POD,
    store: stores.starting,
    labelSelector: `!${LABEL_GATED}`,
    fieldSelector: 'status.phase=Pending,spec.nodeName!=',
    transform: cutStartingPod,
  });
  const identities = new Reflector({ ...shared, kind: IDENTITY, store: stores.identities });
  const claims = new Reflector({ ...shared, kind: CLAIM, store: stores.claims });
  const all = [
    attachments,
    namespaces,
    nodes,
    nodeStates,
    definitions,
    daemonSets,
    dhcpDaemonSets,
    pods,
    starting,
    identities,
    claims,
  ];
  return {
    definitions,
    listed: {
      MacvlanAttachment: attachments.synced,
      Namespace: namespaces.synced,
      Node: nodes.synced,
      MacvlanNodeState: nodeStates.synced,
      DaemonSet: Promise.all([daemonSets.synced, dhcpDaemonSets.synced]).then(() => undefined),
      Pod: pods.synced,
      MacvlanIdentity: identities.synced,
      MacvlanClaim: claims.synced,
      // Multus may not be installed: that is a state to work in, and the other ones are not.
      NetworkAttachmentDefinition: definitions.settled,
    },
    run: async (signal) => void (await Promise.all(all.map((watch) => watch.run(signal)))),
  };
}

function ownDaemonSet(name: string, store: Store<DaemonSet>, options: WatchOptions): Reflector<DaemonSet> {
  const { client, namespace, logger, observer } = options;
  const fieldSelector = `metadata.name=${name}`;
  return new Reflector({ client, logger, observer, kind: DAEMON_SET, store, namespace, fieldSelector });
}

/** Names of the attachments that a node's agent says anything about. */
export function attachmentsIn({ status }: MacvlanNodeState): readonly string[] {
  const entries = (status?.attachments ?? []).map((entry) => entry.name);
  const pods = (status?.pods ?? []).map((pod) => pod.attachment);
  return [...new Set([...entries, ...pods])];
}

function cutDefinition(definition: NetworkAttachmentDefinition): NetworkAttachmentDefinition {
  if (!isOurs(definition)) return { metadata: nameIn(definition.metadata) };
  const { annotations: _, ...metadata } = definition.metadata;
  const annotations = ownAnnotationsOf(definition);
  return { ...definition, metadata: annotations === undefined ? metadata : { ...metadata, annotations } };
}

/** Of what is not ours, that it is there. */
function nameIn({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function cutNamespace({ metadata, status }: Namespace): Namespace {
  const { annotations: _, ...rest } = metadata;
  return { metadata: rest, ...(status?.phase === undefined ? {} : { status: { phase: status.phase } }) };
}

/** A Node is tens of kilobytes of images; labels, taints, readiness, the boot and its addresses are all that is looked at. */
export function cutNode({ metadata, spec, status }: Node): Node {
  const { annotations: _, ...rest } = metadata;
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
  const { type = '', status: value = '', lastTransitionTime } = ready ?? {};
  const condition = { type, status: value, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) };
  const bootID = status?.nodeInfo?.bootID;
  const addresses = status?.addresses?.filter((address) => address.type === 'InternalIP') ?? [];
  return {
    metadata: rest,
    ...(spec?.taints === undefined ? {} : { spec: { taints: spec.taints } }),
    status: {
      ...(ready === undefined ? {} : { conditions: [condition] }),
      ...(bootID === undefined ? {} : { nodeInfo: { bootID } }),
      ...(addresses.length === 0 ? {} : { addresses }),
    },
  };
}

function cutNodeState(state: MacvlanNodeState): MacvlanNodeState {
  if (state.status === undefined) return state;
  const { interfaces = [], ...status } = state.status;
  // Of a NIC only its addresses are looked at: no pod may have them.
  const cut = interfaces.map(({ name, ifindex, mac, permanentMac, mtu, state: link, addresses }) => {
    const own = {
      ...(permanentMac === undefined ? {} : { permanentMac }),
      ...(addresses === undefined ? {} : { addresses }),
    };
    return { name, ifindex, mac, ...own, mtu, state: link };
  });
  return { ...state, status: { ...status, interfaces: cut } };
}
