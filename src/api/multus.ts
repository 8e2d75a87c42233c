// The words of Multus and the Network Plumbing Working Group's specification v1.3: the NAD and the two pod annotations.
import type { Kind, KubeObject } from './kube.ts';

/** A NetworkAttachmentDefinition: one CNI configuration, as text, that pods of its namespace can name. */
export interface NetworkAttachmentDefinition extends KubeObject {
  readonly spec?: { readonly config?: string };
}

export const NETWORK_ATTACHMENT_DEFINITION: Kind<NetworkAttachmentDefinition> = {
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  plural: 'network-attachment-definitions',
  namespaced: true,
};

/** What a pod asks for: a comma list, or a JSON list of selection elements. */
export const ANNOTATION_NETWORKS = 'k8s.v1.cni.cncf.io/networks';
/** What a pod got, written once by Multus after ADD. */
export const ANNOTATION_NETWORK_STATUS = 'k8s.v1.cni.cncf.io/network-status';

/** One entry of the network-status annotation. `ips` have no prefix length; `mac` may be missing for foreign plugins. */
export interface NetworkStatus {
  readonly name: string;
  readonly interface?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly mtu?: number;
  readonly default?: boolean;
}
