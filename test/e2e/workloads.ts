// Workloads whose pods ask for an identity: the test program again, but made and placed by Kubernetes.
import { podManifest } from './pods.ts';

export interface WorkloadOptions {
  readonly name: string;
  readonly namespace: string;
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly networks: string;
  /** The annotation macvlan.dev/identity; default `auto`. */
  readonly identity?: string;
}

/** One replica, ready for `kubectl apply -f -`. */
export function workloadManifest({ name, namespace, kind, networks, identity = 'auto' }: WorkloadOptions): object {
  const { spec } = podManifest({ name, namespace, node: '' }) as { spec: Record<string, unknown> };
  const { nodeName: _, ...podSpec } = spec;
  const annotations = { 'k8s.v1.cni.cncf.io/networks': networks, 'macvlan.dev/identity': identity };
  const isDeployment = kind === 'Deployment';
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      ...(isDeployment ? { strategy: { type: 'Recreate' } } : { serviceName: name }),
      template: { metadata: { labels: { app: name }, annotations }, spec: podSpec },
    },
  };
}
