// The admission policies of the chart, tried with real tokens: what a stolen one is good for, and what not.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NODE } from '../../../src/api/kube.ts';
import { NODE_STATE } from '../../../src/api/v1alpha1/node-state.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { until } from '../../support/until.ts';
import { agentTokenOn, NAMESPACE, tokenOf } from './accounts.ts';
import { CHART, runHelm } from './helm.ts';

const plane = useControlPlane();

beforeAll(async () => {
  const argv = ['install', 'operator', CHART, '-n', NAMESPACE, '--create-namespace'];
  const { code, stderr } = await runHelm(argv, plane().kubeconfig);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}, 600_000);

const stateOf = (name: string) => ({
  apiVersion: 'macvlan.dev/v1alpha1',
  kind: 'MacvlanNodeState',
  metadata: { name },
});

async function kubectl(args: readonly string[], object?: object): Promise<void> {
  const options = object === undefined ? {} : { input: JSON.stringify(object) };
  const { code, stderr } = await plane().kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}

const apply = (object: object) => kubectl(['apply', '--server-side', '-f', '-'], object);

/** What the API server says to an attempt; nothing when it went well. */
async function answer(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('the token of an agent', () => {
  const report = (name: string) => ({ ...stateOf(name), status: { agent: { version: '1', bootId: 'b' } } });
  const asStatus = { manager: 'macvlan-agent', subresource: 'status', force: true } as const;
  const says = 'the agent of node "node-a" may write the MacvlanNodeState of that node only, not "node-b"';
  let client: KubeClient;

  beforeAll(async () => {
    client = clientFor({ ...plane(), token: await agentTokenOn(plane(), 'node-a') });
    await apply(stateOf('node-b'));
    await until(
      'the policy takes effect',
      async () => (await answer(client.create(NODE_STATE, stateOf('node-c')))) !== '',
    );
  }, 30_000);

  test('makes and writes the state of its own node', async () => {
    expect(await answer(client.create(NODE_STATE, stateOf('node-a')))).toBe('');
    expect(await answer(client.apply(NODE_STATE, report('node-a'), asStatus))).toBe('');
  });

  test('does not make the state of another node', async () => {
    expect(await answer(client.create(NODE_STATE, stateOf('node-d')))).toContain('not "node-d"');
  });

  test("does not write another node's status, in none of the ways there are", async () => {
    const patch = { status: { attachments: [] } };
    expect(await answer(client.apply(NODE_STATE, report('node-b'), asStatus))).toContain(says);
    expect(await answer(client.mergePatch(NODE_STATE, { name: 'node-b' }, patch, { subresource: 'status' }))).toContain(
      says,
    );
  });

  test('has no right at all to update or delete a state, not even its own: only its status is written', async () => {
    for (const name of ['node-a', 'node-b']) {
      const update = client.mergePatch(NODE_STATE, { name }, { metadata: { labels: { a: 'b' } } });
      expect(await answer(update)).toMatch(/cannot patch resource "macvlannodestates"/);
      expect(await answer(client.delete(NODE_STATE, { name }))).toMatch(/cannot delete resource "macvlannodestates"/);
    }
  });

  test('is held to its own node by the policy even where a role gives it more than the chart does', async () => {
    await kubectl(['create', 'clusterrole', 'more', '--verb=update,patch,delete', '--resource=macvlannodestates']);
    const account = `--serviceaccount=${NAMESPACE}:macvlan-agent`;
    await kubectl(['create', 'clusterrolebinding', 'more', '--clusterrole=more', account]);
    const label = (name: string) => client.mergePatch(NODE_STATE, { name }, { metadata: { labels: { a: 'b' } } });
    await until('the role takes effect', async () => (await answer(label('node-a'))) === '');
    expect(await answer(label('node-b'))).toContain(says);
    expect(await answer(client.replace(NODE_STATE, await stateWithVersion('node-b')))).toContain(says);
    expect(await answer(client.delete(NODE_STATE, { name: 'node-b' }))).toContain(says);
    expect(await answer(client.delete(NODE_STATE, { name: 'node-a' }))).toBe('');
    await kubectl(['delete', 'clusterrolebinding,clusterrole', 'more']);
  });

  test('that was made for no pod, and so for no node, writes no state at all', async () => {
    const unbound = clientFor({ ...plane(), token: await tokenOf(plane(), 'macvlan-agent') });
    const nowhere = 'the agent of node "" may write the MacvlanNodeState of that node only';
    expect(await answer(unbound.create(NODE_STATE, stateOf('node-z')))).toContain(nowhere);
    expect(await answer(unbound.apply(NODE_STATE, report('node-b'), asStatus))).toContain(nowhere);
  });

  test('does not write nodes, attachments or pods', async () => {
    const patch = { metadata: { labels: { a: 'b' } } };
    const { nodes, attachments, pods } = kinds;
    expect(await answer(client.mergePatch(nodes, { name: 'node-a' }, patch))).toContain('cannot patch');
    expect(await answer(client.mergePatch(attachments, { name: 'lan' }, patch))).toContain('cannot patch');
    const pod = { namespace: NAMESPACE, name: 'agent-node-a' };
    expect(await answer(client.mergePatch(pods, pod, patch))).toContain('cannot patch');
  });
});

const kinds = {
  nodes: NODE,
  attachments: {
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanAttachment',
    plural: 'macvlanattachments',
    namespaced: false,
  },
  pods: { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
};

async function stateWithVersion(name: string) {
  const { stdout } = await plane().kubectl(['get', 'mvn', name, '-o', 'json']);
  return JSON.parse(stdout) as ReturnType<typeof stateOf>;
}

describe('the token of the controller', () => {
  test('removes the states of nodes that left', async () => {
    await apply(stateOf('gone'));
    const token = await tokenOf(plane(), 'macvlan-controller');
    await kubectl(['delete', 'mvn', 'gone', '--wait=false', `--token=${token}`]);
  });

  describe('on a node', () => {
    /** kubectl would read the node first, which the controller never does: it watches. */
    let patchNode: (patch: object) => Promise<string>;
    const patchLabels = (labels: object) => patchNode({ metadata: { labels } });

    beforeAll(async () => {
      const client = clientFor({ ...plane(), token: await tokenOf(plane(), 'macvlan-controller') });
      patchNode = (patch) => answer(client.mergePatch(NODE, { name: 'labelled' }, patch));
      const labels = { 'kubernetes.io/hostname': 'labelled' };
      await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'labelled', labels } });
      await until('the policy takes effect', async () => (await patchLabels({ role: 'x' })) !== '');
    }, 30_000);

    test('sets and removes its own labels', async () => {
      const longest = `attachment.macvlan.dev/a${'-'.repeat(61)}z`;
      for (const value of ['true', null]) {
        expect(await patchLabels({ 'macvlan.dev/agent': value, 'macvlan.dev/dhcp': value })).toBe('');
      }
      for (const value of ['ready', null]) {
        expect(await patchLabels({ 'attachment.macvlan.dev/lan': value, [longest]: value })).toBe('');
      }
    });

    test.each([
      ['sets', { role: 'x' }],
      ['removes', { 'kubernetes.io/hostname': null }],
      ['changes', { 'kubernetes.io/hostname': 'b' }],
      ['replaces', { 'kubernetes.io/hostname': null, role: 'x' }],
    ])("%s nobody else's label", async (_what, labels) => {
      const says = 'may set the labels macvlan.dev/agent, macvlan.dev/dhcp and attachment.macvlan.dev/* of a node';
      expect(await patchLabels(labels)).toContain(says);
      expect(await patchLabels({ ...labels, 'attachment.macvlan.dev/lan': 'ready' })).toContain(says);
    });

    test.each([
      'macvlan.dev/other',
      'macvlan.dev/agent2',
      'x.attachment.macvlan.dev/lan',
      'attachment.macvlan.device/a',
    ])('does not set %s, which only looks like one of its own', async (key) => {
      expect(await patchLabels({ [key]: 'x' })).toContain('and no other');
    });

    test('changes nothing else', async () => {
      const says = 'may change nothing of a node but its own labels';
      expect(await patchNode({ spec: { unschedulable: true } })).toContain(says);
      expect(await patchNode({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })).toContain(says);
      expect(await patchNode({ metadata: { annotations: { a: 'b' } } })).toContain(says);
    });
  });
});
