// The chart's values: what they change in the rendered objects, and what their schema refuses. Needs helm, no API server.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { CHART, runHelm } from './helm.ts';

interface Rendered {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: objects of many kinds, read by path
  readonly [field: string]: any;
}

async function render(...values: string[]): Promise<readonly Rendered[]> {
  const set = values.flatMap((value) => ['--set', value]);
  const { code, stdout, stderr } = await runHelm(['template', 'operator', CHART, '-n', 'somewhere', ...set]);
  if (code !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Rendered);
}

function find(objects: readonly Rendered[], kind: string): Rendered {
  const found = objects.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} was rendered`);
  return found;
}

async function container(...values: string[]): Promise<Rendered['spec']> {
  return find(await render(...values), 'Deployment')['spec'].template.spec.containers[0];
}

describe('the chart renders', () => {
  test('every namespaced object into the namespace of the release', async () => {
    const objects = await render('metrics.service.enabled=true');
    const namespaced = objects.filter(({ kind }) =>
      /^(Service|ServiceAccount|Role|RoleBinding|Deployment|Job|Pod.*)$/.test(kind),
    );
    expect(namespaced.length).toBe(10);
    expect(new Set(namespaced.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['somewhere']));
  });

  test('the same image for the controller and, by way of its environment, for the agent', async () => {
    const { image, imagePullPolicy, env } = await container('image.repository=registry.test:5000/m', 'image.tag=1.2.3');
    expect({ image, imagePullPolicy }).toEqual({
      image: 'registry.test:5000/m:1.2.3',
      imagePullPolicy: 'IfNotPresent',
    });
    expect(env).toContainEqual({ name: 'AGENT_IMAGE', value: 'registry.test:5000/m:1.2.3' });
  });

  test('a controller that is told what the guards say, as long as they are there', async () => {
    const told = async (...values: string[]) =>
      (await container(...values)).env.find(({ name }: { name: string }) => name === 'GUARDS_RAW_PINS')?.value;
    expect(await told('guards.rawPins=Refuse')).toBe('Refuse');
    expect(await told('guards.rawPins=Refuse', 'policies.install=false')).toBeUndefined();
  });

  test("the chart's own version where no tag is given", async () => {
    const { appVersion, version } = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as Record<string, string>;
    const project = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect([appVersion, version]).toEqual([project.version, project.version]);
    expect((await container()).image).toBe(`localhost/macvlan-operator:${project.version}`);
  });

  test.each([
    ['1.30.14', 1],
    ['1.31.0', 0],
    ['1.36.1-eks-1', 0],
  ])('for Kubernetes %s, as far as its API server knows what the rules of the CRDs need', async (version, code) => {
    expect((await runHelm(['template', 'operator', CHART, '--kube-version', version])).code).toBe(code);
  });

  test('a controller that can do nothing to its node', async () => {
    const objects = await render();
    const { securityContext, hostNetwork, volumes } = find(objects, 'Deployment')['spec'].template.spec;
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect({ hostNetwork, volumes }).toEqual({ hostNetwork: undefined, volumes: undefined });
    expect((await container()).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('a disruption budget for more than one replica only, which would otherwise block every drain', async () => {
    const kinds = async (replicas: number) => (await render(`controller.replicas=${replicas}`)).map(({ kind }) => kind);
    expect(await kinds(2)).toContain('PodDisruptionBudget');
    expect(await kinds(1)).not.toContain('PodDisruptionBudget');
  });

  test('roles without wildcards', async () => {
    const roles = (await render()).filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
    expect(roles.length).toBe(7);
    expect(JSON.stringify(roles.map((role) => role['rules']))).not.toContain('*');
  });

  test('credentials for the registry on all accounts, so that the agent has them too', async () => {
    const objects = await render('image.pullSecrets={registry}');
    const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
    expect(accounts.map(({ metadata, imagePullSecrets }) => [metadata.name, imagePullSecrets])).toEqual([
      ['macvlan-controller', [{ name: 'registry' }]],
      ['macvlan-agent', [{ name: 'registry' }]],
      ['macvlan-dhcp', [{ name: 'registry' }]],
      ['macvlan-uninstall', [{ name: 'registry' }]],
    ]);
  });

  test('an uninstall hook with rights and an account that exist only while it runs', async () => {
    const hooks = (await render()).filter(({ metadata }) => metadata.name === 'macvlan-uninstall');
    expect(hooks.map(({ kind }) => kind).toSorted()).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'Job',
      'ServiceAccount',
    ]);
    for (const { metadata } of hooks) {
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'pre-delete',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      });
    }
    const none = await render('uninstall.hook.enabled=false');
    expect(none.filter(({ metadata }) => metadata.name === 'macvlan-uninstall')).toEqual([]);
  });

  test('an uninstall hook that may write attachments only where it is told to force', async () => {
    const rights = async (...values: string[]) =>
      (await render(...values)).find(
        ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name.endsWith('uninstall'),
      )?.['rules'];
    expect(JSON.stringify(await rights())).not.toContain('patch');
    const forced = JSON.stringify(await rights('uninstall.whilePodsAttached=Force'));
    expect(forced).toContain('patch');
    expect(forced).not.toContain('pods');
  });

  test('neither CRDs nor policies where somebody else sees to them', async () => {
    const kinds = (await render('crds.install=false', 'policies.install=false')).map(({ kind }) => kind);
    expect(kinds.filter((kind) => /CustomResourceDefinition|Policy/.test(kind))).toEqual([]);
  });
});

describe('the schema of the values', () => {
  test.each([
    ['a value that does not exist', 'controler.replicas=3', 'controler'],
    ['a replica count of zero', 'controller.replicas=0', 'minimum'],
    ['an unknown pull policy', 'image.pullPolicy=Sometimes', 'pullPolicy'],
    ['a tag inside the repository', 'image.repository=registry.test/m:1', 'repository'],
    ['a relative folder', 'agent.cniBinDir=opt/cni/bin', 'cniBinDir'],
    ['an unknown answer to attached pods', 'uninstall.whilePodsAttached=Maybe', 'whilePodsAttached'],
    ['an unknown log level', 'logLevel=chatty', 'logLevel'],
  ])('refuses %s', async (_what, value, named) => {
    await expect(render(value)).rejects.toThrow(named);
  });

  test('knows every value, and no other', () => {
    const values = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as object;
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema;
    const { global: _, ...known } = schema.properties ?? {};
    expect(namesOf({ properties: known })).toEqual(namesOfValues(values));
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Groups and their values, to the depth at which values.yaml documents them. */
function namesOf(schema: Schema, prefix = ''): readonly string[] {
  const entries = Object.entries(schema.properties ?? {});
  return entries.flatMap(([name, child]) => [`${prefix}${name}`, ...namesOf(child, `${prefix}${name}.`)]).sort();
}

function namesOfValues(values: object, prefix = ''): readonly string[] {
  const isGroup = (value: unknown, path: string) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !/(requests|limits)$/.test(path);
  return Object.entries(values)
    .flatMap(([name, value]) => {
      const path = `${prefix}${name}`;
      return [path, ...(isGroup(value, path) ? namesOfValues(value as object, `${path}.`) : [])];
    })
    .sort();
}
