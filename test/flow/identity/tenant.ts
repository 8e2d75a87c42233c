// A tenant: the editor of one namespace and of nothing else, with a token of his own and the rights that real clusters give editors.
import { NAMESPACE as NAMESPACE_KIND, POD, type Pod } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../../src/api/multus.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { until } from '../../support/until.ts';

export interface PodFields {
  readonly networks?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
}

export interface Tenant {
  readonly namespace: string;
  readonly client: KubeClient;
  /** Makes a pod; rejects with what the API server says. */
  makePod(name: string, fields?: PodFields): Promise<Pod>;
  pod(name: string): Promise<Pod | undefined>;
}

/** Resolves with what the API server answers to an attempt; with nothing when it went well. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => '',
    (error: unknown) => String(error),
  );
}

/** The namespace, its editor, and a client with the editor's token. `more` are rules of a Role that he has besides. */
export async function tenantOf(plane: ControlPlane, namespace: string, labels = {}): Promise<Tenant> {
  const admin = clientFor(plane);
  await admin.create(NAMESPACE_KIND, { metadata: { name: namespace, labels } });
  admin.transport.close();
  await aggregateRoles(plane);
  await output(plane, ['-n', namespace, 'create', 'serviceaccount', 'editor']);
  const account = `--serviceaccount=${namespace}:editor`;
  await output(plane, ['-n', namespace, 'create', 'rolebinding', 'editor', '--clusterrole=edit', account]);
  const client = clientFor({ ...plane, token: await output(plane, ['-n', namespace, 'create', 'token', 'editor']) });
  await until('the role takes effect', async () => (await refusal(client.list(POD, { namespace }))) === '');
  return {
    namespace,
    client,
    makePod: (name, fields = {}) => client.create(POD, podOf(namespace, name, fields)),
    pod: (name) => client.get(POD, { namespace, name }),
  };
}

/** Gives the tenant a Role of his own with this rule, as somebody generous may. */
export async function grant(
  plane: ControlPlane,
  { namespace }: Tenant,
  verbs: string,
  resource: string,
): Promise<void> {
  const name = `more-${resource.replaceAll(/[^a-z]/g, '-')}`;
  await output(plane, ['-n', namespace, 'create', 'role', name, `--verb=${verbs}`, `--resource=${resource}`]);
  const account = `--serviceaccount=${namespace}:editor`;
  await output(plane, ['-n', namespace, 'create', 'rolebinding', name, `--role=${name}`, account]);
}

function podOf(namespace: string, name: string, { networks = 'lan', annotations, labels, spec }: PodFields): Pod {
  const all = { ...(networks === '' ? {} : { [ANNOTATION_NETWORKS]: networks }), ...annotations };
  return {
    metadata: { name, namespace, annotations: all, ...(labels === undefined ? {} : { labels }) },
    spec: { containers: [{ name: 'main', image: 'none' }], ...spec },
  };
}

interface ClusterRole {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules?: readonly object[];
}

/** What the controller-manager does, which is not here: `edit` is the sum of the roles that say that they belong to it. */
async function aggregateRoles(plane: ControlPlane): Promise<void> {
  const roles = JSON.parse(await output(plane, ['get', 'clusterroles', '-o', 'json'])).items as readonly ClusterRole[];
  const parts = roles.filter(({ metadata: { labels = {} } }) =>
    ['view', 'edit'].some((name) => labels[`rbac.authorization.k8s.io/aggregate-to-${name}`] === 'true'),
  );
  const rules = parts.flatMap((role) => role.rules ?? []);
  await output(plane, ['patch', 'clusterrole', 'edit', '--type=merge', '-p', JSON.stringify({ rules })]);
}

async function output(plane: ControlPlane, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
