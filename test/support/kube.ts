// The kernel's client against a test's API server, and the kind that most tests use.
import type { Kind, KubeObject } from '../../src/api/kube.ts';
import { KubeClient } from '../../src/kernel/kube/client.ts';
import { type Credentials, Transport, type TransportOptions } from '../../src/kernel/kube/transport.ts';

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export const CONFIG_MAP: Kind<ConfigMap> = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

/** Credentials that never change. */
export function fixedCredentials(server: URL, token: string, ca?: string): Credentials {
  const tls = ca === undefined ? {} : { ca };
  return { server, headers: async () => ({ authorization: `Bearer ${token}` }), tls: () => tls };
}

export function clientFor(
  server: { readonly url: URL | string; readonly token: string; readonly ca?: string },
  options: TransportOptions = {},
): KubeClient {
  return new KubeClient(new Transport(fixedCredentials(new URL(server.url), server.token, server.ca), options));
}

/** A ConfigMap with one value. */
export function configMap(namespace: string, name: string, value = '1'): ConfigMap {
  return { metadata: { name, namespace }, data: { value } };
}
