// Where a kind lives in the API server's URL space, and what the key of an object is.
import type { Kind, KubeObject, ObjectKey } from '../../api/kube.ts';

export interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The path of a collection, an object or its subresource, e.g. `/apis/apps/v1/namespaces/x/daemonsets/y/status`. */
export function pathFor(kind: Kind, place: Place = {}): string {
  const parts = [kind.apiVersion.includes('/') ? '/apis' : '/api', kind.apiVersion];
  if (kind.namespaced && place.namespace !== undefined) parts.push('namespaces', encodeURIComponent(place.namespace));
  parts.push(kind.plural);
  if (place.name !== undefined) parts.push(encodeURIComponent(place.name));
  if (place.subresource !== undefined) parts.push(place.subresource);
  return parts.join('/');
}

/** `namespace/name`, or the name alone for a cluster-scoped object. */
export function keyOf(object: KubeObject): ObjectKey {
  return formatKey(object.metadata);
}

/** The key for a name and an optional namespace. */
export function formatKey(place: { readonly namespace?: string | undefined; readonly name: string }): ObjectKey {
  return place.namespace === undefined || place.namespace === '' ? place.name : `${place.namespace}/${place.name}`;
}

/** The inverse of `formatKey`; names hold no slash. */
export function parseKey(key: ObjectKey): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
