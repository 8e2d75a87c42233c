// Pods of the story: one static test program in an image of its own, attached by the usual Multus annotation.
import { asWritten } from './gate.ts';
import type { Outcome } from './stage.ts';

export const TOOLBOX_IMAGE = 'localhost/macvlan-operator-toolbox:test';

export interface PodOptions {
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  /** The networks annotation; none: a plain cluster pod. */
  readonly networks?: string;
  /** The annotation macvlan.dev/identity; none: the pod does not ask. */
  readonly identity?: string;
  /** Arguments of the test program. */
  readonly args?: readonly string[];
}

/** A pod as JSON, ready for `kubectl apply -f -`. It ends within a second when it is deleted. */
export function podManifest(options: PodOptions): object {
  const annotations = {
    ...(options.networks === undefined ? {} : { 'k8s.v1.cni.cncf.io/networks': options.networks }),
    ...(options.identity === undefined ? {} : { 'macvlan.dev/identity': options.identity }),
  };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: options.name, namespace: options.namespace, annotations, labels: { story: options.name } },
    spec: {
      nodeName: options.node,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: TOOLBOX_IMAGE,
          imagePullPolicy: 'Never',
          command: ['/toolbox'],
          args: options.args ?? ['serve', '--tcp', '80', '--udp', '9999', '--name', options.name],
          securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE'] } },
        },
      ],
    },
  };
  return options.identity === undefined ? pod : asWritten(pod);
}

/** The link of an attachment in a pod, as Multus wrote it into the network-status annotation. */
export interface AttachedLink {
  readonly name: string;
  readonly interface: string;
  readonly mac: string;
  readonly ips: readonly string[];
}

/** The links that a pod got besides its cluster network; empty while it has not started. */
export function linksOf(podJson: string): readonly AttachedLink[] {
  const pod = JSON.parse(podJson) as { metadata: { annotations?: Record<string, string> } };
  const text = pod.metadata.annotations?.['k8s.v1.cni.cncf.io/network-status'];
  if (text === undefined) return [];
  const all = JSON.parse(text) as (Partial<AttachedLink> & { default?: boolean })[];
  return all
    .filter((entry) => entry.default !== true)
    .map((entry) => ({
      name: entry.name ?? '',
      interface: entry.interface ?? '',
      mac: entry.mac ?? '',
      ips: entry.ips ?? [],
    }));
}

export function succeeded(outcome: Outcome): boolean {
  return outcome.code === 0;
}
