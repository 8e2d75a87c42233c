// What this process remembers of the cluster, and the watches that keep it so. Each kind is cut down to what decisions read.
import { NAMESPACE, type Namespace, NODE, type Node } from '../api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../api/multus.ts';
import { AGENT_NAME, LABEL_ATTACHMENT } from '../api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import { type MacvlanNodeState, NODE_STATE } from '../api/v1alpha1/node-state.ts';
import { DAEMON_SET, type DaemonSet } from '../domain/attachment/agent-daemonset.ts';
import { ownAnnotationsOf } from '../domain/attachment/network-definition-metadata.ts';
import type { KubeClient } from '../kernel/kube/client.ts';
import type { Logger } from '../kernel/process/logger.ts';
import { Reflector, type WatchObserver } from '../kernel/watch/reflector.ts';
import { Store } from '../kernel/watch/store.ts';

export interface Stores {
  readonly attachments: Store<MacvlanAttachment>;
  readonly namespaces: Store<Namespace>;
  readonly nodes: Store<Node>;
  /** Those with our label only; by `name`, which is their attachment's. */
  readonly definitions: Store<NetworkAttachmentDefinition>;
  /** By `attachment`: the states that say something about it. */
  readonly nodeStates: Store<MacvlanNodeState>;
  /** The agents' one, or nothing. */
  readonly daemonSets: Store<DaemonSet>;
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
  return {
    attachments: new Store(),
    namespaces: new Store(),
    nodes: new Store(),
    definitions: new Store({ indexes: { name: (definition) => [definition.metadata.name] } }),
    nodeStates: new Store({ indexes: { attachment: attachmentsIn } }),
    daemonSets: new Store(),
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
    labelSelector: LABEL_ATTACHMENT,
    transform: cutDefinition,
    // Multus may be installed after us; whoever does so should not have to wait half a minute.
    backoffMs: [800, 8000],
  });
  const daemonSets = new Reflector({
    ...shared,
    kind: DAEMON_SET,
    store: stores.daemonSets,
    namespace: options.namespace,
    fieldSelector: `metadata.name=${AGENT_NAME}`,
  });
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
  const all = [attachments, namespaces, nodes, nodeStates, definitions, daemonSets];
  return {
    definitions,
    listed: {
      MacvlanAttachment: attachments.synced,
      Namespace: namespaces.synced,
      Node: nodes.synced,
      MacvlanNodeState: nodeStates.synced,
      DaemonSet: daemonSets.synced,
      // Multus may not be installed: that is a state to work in, and the other ones are not.
      NetworkAttachmentDefinition: definitions.settled,
    },
    run: async (signal) => void (await Promise.all(all.map((watch) => watch.run(signal)))),
  };
}

/** Names of the attachments that a node's agent says anything about. */
export function attachmentsIn({ status }: MacvlanNodeState): readonly string[] {
  const entries = (status?.attachments ?? []).map((entry) => entry.name);
  const pods = (status?.pods ?? []).map((pod) => pod.attachment);
  return [...new Set([...entries, ...pods])];
}

function cutDefinition(definition: NetworkAttachmentDefinition): NetworkAttachmentDefinition {
  const { annotations: _, ...metadata } = definition.metadata;
  const annotations = ownAnnotationsOf(definition);
  return { ...definition, metadata: annotations === undefined ? metadata : { ...metadata, annotations } };
}

function cutNamespace({ metadata, status }: Namespace): Namespace {
  const { annotations: _, ...rest } = metadata;
  return { metadata: rest, ...(status?.phase === undefined ? {} : { status: { phase: status.phase } }) };
}

/** A Node is tens of kilobytes of images and addresses; labels and readiness are all that is looked at. */
function cutNode({ metadata, status }: Node): Node {
  const { annotations: _, ...rest } = metadata;
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
  if (ready === undefined) return { metadata: rest };
  const { type, status: value, lastTransitionTime } = ready;
  const condition = { type, status: value, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) };
  return { metadata: rest, status: { conditions: [condition] } };
}

function cutNodeState(state: MacvlanNodeState): MacvlanNodeState {
  if (state.status === undefined) return state;
  const { interfaces: _, ...status } = state.status;
  return { ...state, status };
}
