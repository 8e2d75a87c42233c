// Who the agents' DaemonSet belongs to: the ServiceAccount they run under, which the chart makes. An uninstall takes both along.
import type { Kind, KubeObject, OwnerReference } from '../../api/kube.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';

const SERVICE_ACCOUNT: Kind = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };

/** `Known`: what was found last will do. `Now`: it may be another one by now. */
export type FindOwner = (when: 'Known' | 'Now', signal: AbortSignal) => Promise<OwnerReference | undefined>;

/**
 * Asks the first time, and again where it matters: an account that was made anew has another uid, and a DaemonSet of the old one
 * would be collected at once. Without an owner the DaemonSet works just as well; it only outlives an uninstall.
 */
export function ownerFinder(client: KubeClient, namespace: string, name: string): FindOwner {
  let known: { readonly owner: OwnerReference | undefined } | undefined;
  return async (when, signal) => {
    if (when === 'Now') known = undefined;
    known ??= { owner: await ask(client, { namespace, name }, signal) };
    return known.owner;
  };
}

async function ask(
  client: KubeClient,
  key: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<OwnerReference | undefined> {
  try {
    const found: KubeObject | undefined = await client.get(SERVICE_ACCOUNT, key, signal);
    const uid = found?.metadata.uid;
    return uid === undefined ? undefined : { apiVersion: 'v1', kind: 'ServiceAccount', name: key.name, uid };
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}
