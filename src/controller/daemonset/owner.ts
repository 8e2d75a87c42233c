// Who the agents' DaemonSet belongs to: the ServiceAccount they run under, which the chart makes. An uninstall takes both along.
import type { Kind, KubeObject, OwnerReference } from '../../api/kube.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';

const SERVICE_ACCOUNT: Kind = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };

export type FindOwner = (signal: AbortSignal) => Promise<OwnerReference | undefined>;

/** Asks once, the first time it is needed. Without an owner the DaemonSet works just as well; it only outlives an uninstall. */
export function ownerFinder(client: KubeClient, namespace: string, name: string): FindOwner {
  let known: { readonly owner: OwnerReference | undefined } | undefined;
  return async (signal) => {
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
