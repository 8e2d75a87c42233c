// The chart on a real API server: installed, upgraded, uninstalled; and the policies that it brings, tried with real tokens.
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { NODE } from '../../../src/api/kube.ts';
import { NODE_STATE } from '../../../src/api/v1alpha1/node-state.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { until } from '../../support/until.ts';
import { agentTokenOn, NAMESPACE, tokenOf } from './accounts.ts';
import { CHART, runHelm } from './helm.ts';

const plane = useControlPlane();

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane().kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function apply(object: object, ...more: string[]) {
  return plane().kubectl(['apply', '--server-side', '-f', '-', ...more], { input: JSON.stringify(object) });
}

function helm(...args: string[]) {
  return runHelm(args, plane().kubeconfig);
}

beforeAll(async () => {
  const { code, stderr } = await helm('install', 'operator', CHART, '-n', NAMESPACE, '--create-namespace');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}, 600_000);

const stateOf = (name: string) => ({
  apiVersion: 'macvlan.dev/v1alpha1',
  kind: 'MacvlanNodeState',
  metadata: { name },
});

describe('the chart', () => {
  test('says what to do next', async () => {
    const { stdout } = await helm('get', 'notes', 'operator', '-n', NAMESPACE);
    expect(stdout).toContain('kind: MacvlanAttachment');
    expect(stdout).toContain('k8s.v1.cni.cncf.io/networks: lan');
    expect(stdout).toContain('Multus is not installed yet');
  });

  test('has notes whose attachment the API server accepts', async () => {
    const { stdout } = await helm('get', 'notes', 'operator', '-n', NAMESPACE);
    const manifest = /<<END\n([\s\S]*?)END/.exec(stdout)?.[1] ?? '';
    const { code, stdout: created } = await plane().kubectl(['create', '--dry-run=server', '-f', '-'], {
      input: manifest.replaceAll(/^ {2}/gm, ''),
    });
    expect({ code, created }).toEqual({
      code: 0,
      created: 'macvlanattachment.macvlan.dev/lan created (server dry run)\n',
    });
  });

  test('is upgraded with other values', async () => {
    const set = ['--set', 'controller.replicas=1', '--set', 'metrics.service.enabled=true'];
    const { code, stderr } = await helm('upgrade', 'operator', CHART, '-n', NAMESPACE, ...set);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const objects = await kubectl('-n', NAMESPACE, 'get', 'service,pdb', '-o', 'name');
    expect(objects).toBe('service/macvlan-controller-metrics\n');
  });

  test('warns when the namespace would keep the agent out', async () => {
    const label = 'pod-security.kubernetes.io/enforce';
    await kubectl('label', 'namespace', NAMESPACE, `${label}=restricted`);
    const { stdout } = await helm('upgrade', 'operator', CHART, '-n', NAMESPACE);
    await kubectl('label', 'namespace', NAMESPACE, `${label}-`);
    expect(stdout).toContain('WARNING: the namespace enforces the Pod Security level "restricted"');
  });

  test('gives the controller a pod that even the strictest Pod Security level takes', async () => {
    const deployment = JSON.parse(
      await kubectl('-n', NAMESPACE, 'get', 'deployment', 'macvlan-controller', '-o', 'json'),
    );
    await kubectl('create', 'namespace', 'strict');
    await kubectl('label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted');
    const { serviceAccountName: _, ...spec } = deployment.spec.template.spec;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'controller', namespace: 'strict' }, spec };
    const { code, stderr } = await apply(pod);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('leaves the CustomResourceDefinitions when it is uninstalled, and takes them up again', async () => {
    await helm('uninstall', 'operator', '-n', NAMESPACE);
    const left = await kubectl('get', 'crd,clusterrole,validatingadmissionpolicy', '-o', 'name');
    const ours = left.split('\n').filter((name) => name.includes('macvlan'));
    expect(ours).toEqual([
      'customresourcedefinition.apiextensions.k8s.io/macvlanattachments.macvlan.dev',
      'customresourcedefinition.apiextensions.k8s.io/macvlannodestates.macvlan.dev',
    ]);
    const { code, stderr } = await helm('install', 'operator', CHART, '-n', NAMESPACE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

/** What the API server says to an attempt; nothing when it went well. */
async function answer(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('an agent', () => {
  const report = (name: string) => ({ ...stateOf(name), status: { agent: { version: '1', bootId: 'b' } } });
  const asStatus = { manager: 'macvlan-agent', subresource: 'status', force: true } as const;

  test('may make and write the state of its own node, and of no other', async () => {
    const client = clientFor({ ...plane(), token: await agentTokenOn(plane(), 'node-a') });
    await apply(stateOf('node-b'));
    await until(
      'the policy takes effect',
      async () => (await answer(client.create(NODE_STATE, stateOf('node-c')))) !== '',
    );

    expect(await answer(client.create(NODE_STATE, stateOf('node-a')))).toBe('');
    expect(await answer(client.apply(NODE_STATE, report('node-a'), asStatus))).toBe('');
    const says = 'the agent of node "node-a" may write the MacvlanNodeState of that node only, not "node-b"';
    expect(await answer(client.apply(NODE_STATE, report('node-b'), asStatus))).toContain(says);
    expect(await answer(client.create(NODE_STATE, stateOf('node-d')))).toContain('not "node-d"');
  });

  test('that is no pod of any node may write no state at all', async () => {
    const client = clientFor({ ...plane(), token: await tokenOf(plane(), 'macvlan-agent') });
    const says = 'the agent of node "" may write the MacvlanNodeState of that node only';
    expect(await answer(client.create(NODE_STATE, stateOf('node-z')))).toContain(says);
  });

  test('does not stand in the way of the controller, which removes the states of nodes that left', async () => {
    await apply(stateOf('gone'));
    const token = await tokenOf(plane(), 'macvlan-controller');
    const { stderr } = await plane().kubectl(['delete', 'mvn', 'gone', '--wait=false', `--token=${token}`]);
    expect(stderr).toBe('');
  });
});

describe('the controller', () => {
  /** kubectl would read the node first, which the controller never does: it watches. */
  const patchNode = async (patch: object): Promise<string> => {
    const client = clientFor({ ...plane(), token: await tokenOf(plane(), 'macvlan-controller') });
    return answer(client.mergePatch(NODE, { name: 'labelled' }, patch));
  };

  test("may set and remove its own label on a node, and touch nobody else's", async () => {
    const labels = { 'kubernetes.io/hostname': 'labelled' };
    await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'labelled', labels } });
    await until(
      'the policy takes effect',
      async () => (await patchNode({ metadata: { labels: { role: 'x' } } })) !== '',
    );

    expect(await patchNode({ metadata: { labels: { 'macvlan.dev/agent': 'true' } } })).toBe('');
    expect(await patchNode({ metadata: { labels: { 'macvlan.dev/agent': null } } })).toBe('');
    const says = 'the macvlan controller may set the label macvlan.dev/agent of a node and no other';
    expect(await patchNode({ metadata: { labels: { 'kubernetes.io/hostname': null } } })).toContain(says);
    expect(await patchNode({ metadata: { labels: { 'kubernetes.io/hostname': 'b' } } })).toContain(says);
    const nothingElse = 'may change nothing of a node but its label';
    expect(await patchNode({ spec: { unschedulable: true } })).toContain(nothingElse);
    expect(await patchNode({ metadata: { annotations: { a: 'b' } } })).toContain(nothingElse);
  });
});

test('the templates of the CRDs print exactly the generated CRDs', async () => {
  const { stdout } = await runHelm(['template', 'operator', CHART, '--show-only', 'templates/crds.yaml']);
  const printed = parseAllDocuments(stdout).map((document) => document.toJS());
  const files = ['macvlanattachments', 'macvlannodestates'].map((plural) => `crds/macvlan.dev_${plural}.yaml`);
  const generated = files.map((file) => parseAllDocuments(readFileSync(file, 'utf8'))[0]?.toJS());
  expect(printed.map(({ spec }) => spec)).toEqual(generated.map(({ spec }) => spec));
  expect(printed.map(({ metadata }) => metadata.annotations['helm.sh/resource-policy'])).toEqual(['keep', 'keep']);
});
