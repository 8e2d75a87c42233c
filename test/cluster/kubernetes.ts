// Which Kubernetes the test cluster runs: the minor version that the environment variable K8S names, each pinned by a go.mod.
import { join } from 'node:path';

/** One pinned release. Its go.mod and go.sum are in tools/kubernetes/<minor>/. */
export interface KubernetesRelease {
  readonly minor: string;
  readonly version: string;
  readonly folder: string;
}

/** Minor version → the release that is built for it. */
export const KUBERNETES_VERSIONS: Readonly<Record<string, string>> = {
  '1.34': '1.34.4',
  '1.35': '1.35.4',
  '1.36': '1.36.3',
  '1.37': '1.37.2',
};

/** The one that everything is tested on, unless K8S says otherwise. */
export const DEFAULT_KUBERNETES = '1.36';

/**
 * The release that `wanted` names.
 * @param wanted a minor version such as 1.35; empty or nothing: the default
 * @throws Error for a version that is not pinned here; it lists those that are
 */
export function kubernetesRelease(wanted: string | undefined = process.env['K8S']): KubernetesRelease {
  const minor = wanted || DEFAULT_KUBERNETES;
  const version = Object.hasOwn(KUBERNETES_VERSIONS, minor) ? KUBERNETES_VERSIONS[minor] : undefined;
  if (version === undefined) {
    throw new Error(`K8S=${minor} is not known here: choose one of ${Object.keys(KUBERNETES_VERSIONS).join(', ')}`);
  }
  return { minor, version, folder: join(import.meta.dirname, 'tools/kubernetes', minor) };
}

/** Whether the API server of this release has MutatingAdmissionPolicy v1, by which pods are gated without a template. */
export function hasMutatingPolicies({ minor }: KubernetesRelease): boolean {
  return Number(minor.split('.')[1]) >= 36;
}
