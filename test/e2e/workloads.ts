// Workloads whose pods may ask for an identity: the test program again, but made and placed by Kubernetes.
import { asWritten } from './gate.ts';
import { podManifest } from './pods.ts';

export interface WorkloadOptions {
  readonly name: string;
  readonly namespace: string;
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly networks: string;
  /** The annotation macvlan.dev/identity; default `auto`. */
  readonly identity?: string;
  /** Name of the node to run on; default: wherever the scheduler wants. */
  readonly node?: string;
}

/** One replica, ready for `kubectl apply -f -`. */
export function workloadManifest(options: WorkloadOptions): object {
  const { name, namespace, kind, networks, identity = 'auto', node } = options;
  const { spec } = podManifest({ name, namespace, node: '' }) as { spec: Record<string, unknown> };
  const { nodeName: _, ...rest } = spec;
  const podSpec = node === undefined ? rest : { ...rest, nodeSelector: { 'kubernetes.io/hostname': node } };
  const annotations = { 'k8s.v1.cni.cncf.io/networks': networks, 'macvlan.dev/identity': identity };
  const template = { metadata: { labels: { app: name }, annotations }, spec: podSpec };
  const isDeployment = kind === 'Deployment';
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      ...(isDeployment ? { strategy: { type: 'Recreate' } } : { serviceName: name }),
      template: identity === 'none' ? template : asWritten(template),
    },
  };
}
