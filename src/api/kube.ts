// The few words of Kubernetes that every part shares: what an object is, how a kind is addressed, what a condition says.

/** Identity and bookkeeping of an object, as the API server keeps them. Times are RFC 3339 text, as on the wire. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** Any Kubernetes object, as plain JSON. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/**
 * How a kind is addressed. `T` is carried for the compiler only: `client.get(ATTACHMENT, key)` then returns the right type.
 */
export interface Kind<T extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly __type?: T;
}

/** `namespace/name`, or the plain name of a cluster-scoped object: the key of every store and queue. */
export type ObjectKey = string;

/** What one aspect of an object is known to be. `lastTransitionTime` moves only when `status` does. */
export interface Condition {
  /**
   * Name of the aspect.
   * @maxLength 64
   */
  readonly type: string;
  /** Whether it holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /**
   * Why, in one CamelCase word; each is listed in docs/reference/problems.md.
   * @maxLength 64
   */
  readonly reason: string;
  /**
   * Why, in a sentence for a person, with the remedy where there is one.
   * @maxLength 32768
   */
  readonly message: string;
  /**
   * When `status` last changed.
   * @format date-time
   */
  readonly lastTransitionTime: string;
  /**
   * The generation of the spec that this was said about.
   * @asType integer
   * @format int64
   */
  readonly observedGeneration?: number;
}

/** A label query: all of `matchLabels` and all of `matchExpressions` must hold; an empty one matches everything. */
export interface LabelSelector {
  /**
   * Labels that must be there with exactly these values.
   * @maxProperties 32
   */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /**
   * Further requirements on labels; all must hold.
   * @maxItems 32
   * @listType atomic
   */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

/** One requirement of a label query. */
export interface LabelSelectorRequirement {
  /**
   * The label's key.
   * @maxLength 317
   */
  readonly key: string;
  /** How the label's value relates to `values`. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /**
   * Values for In and NotIn.
   * @maxItems 64
   * @listType atomic
   */
  readonly values?: readonly string[];
}

export interface Pod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly schedulingGates?: readonly { readonly name: string }[];
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly affinity?: PodAffinity;
    readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  };
  readonly status?: { readonly phase?: string; readonly podIP?: string; readonly hostIP?: string };
}

/** Of a pod's affinity, what it says about nodes. */
export interface PodAffinity {
  readonly nodeAffinity?: {
    /** One of the terms has to hold. */
    readonly requiredDuringSchedulingIgnoredDuringExecution?: {
      readonly nodeSelectorTerms: readonly NodeSelectorTerm[];
    };
  };
}

/** All of it has to hold; a term that says nothing takes no node. */
export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly NodeSelectorRequirement[];
  /** By fields of the node: its name, as a DaemonSet writes it into its pods. */
  readonly matchFields?: readonly NodeSelectorRequirement[];
}

export interface NodeSelectorRequirement {
  readonly key: string;
  readonly operator?: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values?: readonly string[];
}

export interface Node extends KubeObject {
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly { key: string; effect: string }[] };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly nodeInfo?: {
      readonly bootID?: string;
      readonly kubeletVersion?: string;
      readonly osImage?: string;
      readonly kernelVersion?: string;
    };
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  };
}

export interface Namespace extends KubeObject {
  readonly status?: { readonly phase?: string };
}

export const POD: Kind<Pod> = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
export const NODE: Kind<Node> = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
export const NAMESPACE: Kind<Namespace> = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

export interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

export interface Secret extends KubeObject {
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export const DEPLOYMENT: Kind<Deployment> = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
};
/** As far as anyone here looks into one, it is like a Deployment. */
export const REPLICA_SET: Kind<Deployment> = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  namespaced: true,
};
export const SECRET: Kind<Secret> = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
