// What a fresh cluster is given through its API: Multus' rights, and the kind of object that it brings along.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** User name of Multus on the nodes. */
export const MULTUS_USER = 'multus';

export function multusRights(): object {
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: MULTUS_USER },
    rules: [
      { apiGroups: ['k8s.cni.cncf.io'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['pods', 'pods/status'], verbs: ['get', 'list', 'watch', 'update', 'patch'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: MULTUS_USER },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: MULTUS_USER },
    subjects: [{ kind: 'User', name: MULTUS_USER, apiGroup: 'rbac.authorization.k8s.io' }],
  };
  return { apiVersion: 'v1', kind: 'List', items: [role, binding] };
}

/** The NetworkAttachmentDefinition CRD as Multus installs it, as YAML or JSON. */
export function networkAttachmentDefinitionCrd(): string {
  const file = join(import.meta.dirname, '../support/multus-crd.yaml');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const names = { plural: 'network-attachment-definitions', singular: 'network-attachment-definition' };
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.k8s.cni.cncf.io` },
    spec: {
      group: 'k8s.cni.cncf.io',
      scope: 'Namespaced',
      names: { ...names, kind: 'NetworkAttachmentDefinition', shortNames: ['net-attach-def', 'nad'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: 'One network that pods can be attached to besides the cluster network.',
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: {
                  type: 'object',
                  properties: { config: { type: 'string', description: 'CNI configuration as JSON.' } },
                },
              },
            },
          },
        },
      ],
    },
  });
}
