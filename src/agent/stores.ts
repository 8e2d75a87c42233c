// What the agent knows of the cluster: its stores and watches, with objects cut down to what decisions read.
import { NODE, type Node, POD, type Pod } from '../api/kube.ts';
import { ANNOTATION_NETWORK_STATUS, ANNOTATION_NETWORKS } from '../api/multus.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import { type MacvlanNodeState, NODE_STATE } from '../api/v1alpha1/node-state.ts';
import { RESPONDER_LABELS } from '../domain/parent/preflight/host.ts';
import { ANNOTATION_STATIC_UID } from '../domain/pod/mirror.ts';
import type { KubeClient } from '../kernel/kube/client.ts';
import type { Clock } from '../kernel/process/clock.ts';
import type { Logger } from '../kernel/process/logger.ts';
import type { Metrics } from '../kernel/process/metrics.ts';
import { Reflector } from '../kernel/watch/reflector.ts';
import { Store } from '../kernel/watch/store.ts';

/** What the watches know. */
export interface AgentStores {
  readonly nodes: Store<Node>;
  readonly attachments: Store<MacvlanAttachment>;
  readonly pods: Store<Pod>;
  readonly states: Store<MacvlanNodeState>;
}

/** Empty stores, for the reflectors of {@link reflectorsFor} to fill. */
export function createStores(): AgentStores {
  return { nodes: new Store(), attachments: new Store(), pods: new Store(), states: new Store() };
}

/** What the agent watches: this node, its state, its pods, and all attachments. */
export function reflectorsFor(
  nodeName: string,
  stores: AgentStores,
  shared: { client: KubeClient; logger: Logger; clock: Clock; metrics?: Metrics },
) {
  const common = { client: shared.client, logger: shared.logger, clock: shared.clock, observer: shared.metrics?.watch };
  const own = { fieldSelector: `metadata.name=${nodeName}`, ...common };
  return [
    new Reflector<Node>({ kind: NODE, store: stores.nodes, transform: slimNode, ...own }),
    new Reflector<MacvlanNodeState>({ kind: NODE_STATE, store: stores.states, ...own }),
    new Reflector<MacvlanAttachment>({ kind: ATTACHMENT, store: stores.attachments, ...common }),
    new Reflector<Pod>({
      kind: POD,
      store: stores.pods,
      fieldSelector: `spec.nodeName=${nodeName}`,
      transform: slimPod,
      ...common,
    }),
  ] as const;
}

/** Only what decisions look at: a node's object is mostly a list of its images. */
export function slimNode(node: Node): Node {
  const { name, uid, resourceVersion, labels } = node.metadata;
  const { bootID, osImage, kernelVersion } = node.status?.nodeInfo ?? {};
  return {
    metadata: { name, ...optional({ uid, resourceVersion, labels }) },
    status: { nodeInfo: optional({ bootID, osImage, kernelVersion }) },
  };
}

/** Only what decisions look at: on a full node the pods' specs would be most of the agent's memory. */
export function slimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, annotations = {}, labels = {} } = pod.metadata;
  const slim = optional({
    [ANNOTATION_NETWORKS]: annotations[ANNOTATION_NETWORKS],
    [ANNOTATION_NETWORK_STATUS]: annotations[ANNOTATION_NETWORK_STATUS],
    [ANNOTATION_STATIC_UID]: annotations[ANNOTATION_STATIC_UID],
  });
  const telling = Object.entries(labels).filter(([key]) => RESPONDER_LABELS.includes(key));
  const kept = telling.length === 0 ? undefined : Object.fromEntries(telling);
  const phase = pod.status?.phase;
  return {
    metadata: {
      name,
      ...optional({ namespace, uid, resourceVersion, deletionTimestamp, annotations: slim, labels: kept }),
    },
    spec: {},
    ...(phase === undefined ? {} : { status: { phase } }),
  };
}

function optional<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
