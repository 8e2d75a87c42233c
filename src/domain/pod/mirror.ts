// Static pods: the kubelet runs them from its own files and knows them by a uid of its own; the API server has a mirror of each, with
// another uid. Runtimes, and so CNI, know the kubelet's.
import type { Pod } from '../../api/kube.ts';
import type { CachedLink } from './cached-link.ts';

/** On mirrors, written by the kubelet: the uid by which it knows the pod itself. */
export const ANNOTATION_STATIC_UID = 'kubernetes.io/config.hash';

/** The mirrors among the pods, by the uid that the kubelet has for them. */
export function mirrorsOf(pods: readonly Pod[]): ReadonlyMap<string, Pod> {
  return new Map(
    pods.flatMap((pod) => {
      const uid = pod.metadata.annotations?.[ANNOTATION_STATIC_UID];
      return uid === undefined ? [] : [[uid, pod] as const];
    }),
  );
}

/**
 * The link as that of the mirror, where its pod is a static one; else as it is. Users can write the annotation, too: what it says
 * counts for the pod of the same name only.
 */
export function asMirrored(link: CachedLink, mirrors: ReadonlyMap<string, Pod>): CachedLink {
  const metadata = mirrors.get(link.uid)?.metadata;
  if (metadata?.uid === undefined || metadata.name !== link.name || metadata.namespace !== link.namespace) return link;
  return { ...link, uid: metadata.uid };
}
