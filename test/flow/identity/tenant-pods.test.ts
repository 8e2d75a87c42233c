// What a namespace's editor can do to pods that the controller holds or has bound, to their marks, and by other ways into a pod:
// nothing, by whichever subresource.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Kind, type KubeObject, POD, type Pod } from '../../../src/api/kube.ts';
import { CLAIM } from '../../../src/api/v1alpha1/claim.ts';
import { until } from '../../support/until.ts';
import { grant, refusal } from './tenant.ts';
import { asks, EVIL, GATE, type TenantWorld } from './tenant-world.ts';
import { useTenants } from './use-world.ts';
import { networksOf } from './world.ts';

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';

let tenants: TenantWorld;
const opened = useTenants();
beforeAll(() => {
  tenants = opened();
});

describe('a pod that waits or is bound', () => {
  const waiting = 'waits';
  const holding = 'holds';
  beforeAll(async () => {
    await tenants.make(waiting, 'lan', asks('auto', { 'macvlan.dev/mac': '02:4d:00:00:00:77' })); // denied, so it waits
    await tenants.toldWhy(waiting);
    await tenants.make(holding, 'lan', asks('auto'));
    await tenants.bound(holding);
  }, 60_000);

  const patchOf = (key: string, value: string | null) => ({ metadata: { annotations: { [key]: value } } });
  const changes: readonly (readonly [string, string, object])[] = [
    ['its networks', 'networks and the macvlan.dev annotations', patchOf(NETWORKS, 'pool')],
    [
      'its default network',
      'networks and the macvlan.dev annotations',
      patchOf('v1.multus-cni.io/default-network', 'evil/lan'),
    ],
    ['its identity', 'networks and the macvlan.dev annotations', patchOf(GATE, 'other')],
    ['its pins', 'networks and the macvlan.dev annotations', patchOf('macvlan.dev/mac', null)],
    ['what it is bound to', 'networks and the macvlan.dev annotations', patchOf('macvlan.dev/bound', 'pod-db')],
    ['its label', 'the label macvlan.dev/gated', { metadata: { labels: { 'macvlan.dev/gated': null } } }],
    [
      'its label for another value',
      'the label macvlan.dev/gated',
      { metadata: { labels: { 'macvlan.dev/gated': 'x' } } },
    ],
  ];

  test.each(changes)('keeps %s', async (_what, says, patch) => {
    const before = [await tenants.editor.pod(waiting), await tenants.editor.pod(holding)];
    for (const name of [waiting, holding]) {
      const answer = await refusal(tenants.editor.client.mergePatch(POD, { namespace: EVIL, name }, patch));
      // The pins of one that has none, and so on: nothing to change.
      if (answer !== '') expect(answer).toMatch(new RegExp(`${says}|macvlan-raw-pins`));
    }
    const after = [await tenants.editor.pod(waiting), await tenants.editor.pod(holding)];
    expect(after.map(own)).toEqual(before.map(own));
  });

  /** What the attempts are about. */
  function own(pod: Pod | undefined): unknown {
    const { annotations, labels } = pod?.metadata ?? {};
    return [annotations, labels, pod?.spec.schedulingGates];
  }

  test('keeps its gate', async () => {
    for (const op of [
      { op: 'remove', path: '/spec/schedulingGates' },
      { op: 'remove', path: '/spec/schedulingGates/0' },
      { op: 'replace', path: '/spec/schedulingGates', value: [] },
    ] as const) {
      expect(await refusal(tenants.editor.client.jsonPatch(POD, { namespace: EVIL, name: waiting }, [op]))).toContain(
        'removed by the macvlan controller',
      );
    }
  });

  test.each(['status', 'ephemeralcontainers', 'resize'] as const)(
    'keeps all of this when it is written as %s, by the editor or by somebody who may',
    async (subresource) => {
      await grant(tenants.world.plane, tenants.editor, 'patch', `pods/${subresource}`);
      const before = [await tenants.editor.pod(waiting), await tenants.editor.pod(holding)].map(own);
      const attempts = async () => {
        const answers: string[] = [];
        for (const name of [waiting, holding]) {
          for (const [, , patch] of changes) {
            const { status, body } = await tenants.editor.client.transport.request({
              method: 'PATCH',
              path: `/api/v1/namespaces/${EVIL}/pods/${name}/${subresource}`,
              contentType: 'application/merge-patch+json',
              body: patch,
            });
            answers.push(status === 403 && JSON.stringify(body).includes('cannot patch') ? 'no right' : String(status));
          }
        }
        return answers;
      };
      await until('the role takes effect', async () => !(await attempts()).includes('no right'));
      await attempts();
      expect([await tenants.editor.pod(waiting), await tenants.editor.pod(holding)].map(own)).toEqual(before);
    },
  );
});

describe('the marks of a bound pod', () => {
  test.each([
    ['as a label', { labels: { 'macvlan.dev/gated': 'bound' } }],
    ['as the label of one that waits, without the gate', { labels: { 'macvlan.dev/gated': 'true' } }],
    ['as an annotation', { annotations: { 'macvlan.dev/bound': 'pod-db' } }],
    ['as a gate without the label', { spec: { schedulingGates: [{ name: GATE }] } }],
    [
      'as a gate with another label',
      { labels: { 'macvlan.dev/gated': 'bound' }, spec: { schedulingGates: [{ name: GATE }] } },
    ],
  ])('are not made up %s', async (_what, fields) => {
    expect(await refusal(tenants.editor.makePod('forged', { networks: 'lan', ...fields }))).toMatch(
      /go together|written by the macvlan controller/,
    );
  });

  test('are not put on a pod later', async () => {
    await tenants.editor.makePod('plain', { networks: 'lan' });
    const key = { namespace: EVIL, name: 'plain' };
    for (const metadata of [
      { labels: { 'macvlan.dev/gated': 'bound' } },
      { labels: { 'macvlan.dev/gated': 'true' } },
      { annotations: { 'macvlan.dev/bound': 'pod-db' } },
    ]) {
      expect(await refusal(tenants.editor.client.mergePatch(POD, key, { metadata }))).toMatch(
        /go together|is written by/,
      );
    }
  });

  test('may stand in a pod that is restored from a backup, which is bound anew', async () => {
    const mac = networksOf(await tenants.bound('holds'))[0]?.mac;
    await tenants.world.kubectl('-n', EVIL, 'delete', 'pod', 'holds', '--force', '--grace-period=0');
    const networks = `[{"name":"lan","mac":"${mac}"}]`;
    await tenants.make('holds', networks, asks('auto', { 'macvlan.dev/bound': 'pod-holds' }));
    expect(networksOf(await tenants.bound('holds'))[0]?.mac).toBe(mac);
  });
});

describe('an editor', () => {
  test('cannot bind a pod to a node, nor, where he may, bring annotations in by that', async () => {
    await tenants.editor.makePod('unscheduled', { networks: '' });
    const bind = (path: string, annotations: object) =>
      tenants.editor.client.transport.request({
        method: 'POST',
        path: `/api/v1/namespaces/${EVIL}/${path}`,
        body: {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name: 'unscheduled', annotations },
          target: { kind: 'Node', name: 'node-a' },
        },
      });
    const ways = ['pods/unscheduled/binding', 'bindings'];
    for (const path of ways) expect((await bind(path, {})).status).toBe(403);
    for (const resource of ['pods/binding', 'bindings'])
      await grant(tenants.world.plane, tenants.editor, 'create', resource);
    const annotations = { [NETWORKS]: `[{"name":"lan","mac":"${tenants.victim.mac}"}]` };
    for (const path of ways) {
      const says = async (more: object) => JSON.stringify((await bind(path, more)).body);
      await until('the role takes effect', async () => !(await says(annotations)).includes('cannot create'));
      for (const more of [
        annotations,
        { 'v1.multus-cni.io/default-network': 'home/secret' },
        { 'macvlan.dev/bound': 'pod-db' },
      ]) {
        expect(await says(more)).toContain('a Binding may not bring networks');
      }
    }
    expect((await bind('pods/unscheduled/binding', { 'a.example/b': 'c' })).status).toBe(201);
    expect((await tenants.editor.pod('unscheduled'))?.metadata.annotations).toEqual({ 'a.example/b': 'c' });
  });

  test.each(['macvlanclaims', 'macvlanattachments', 'macvlannodestates'])('has no right on %s', async (plural) => {
    const kind: Kind<KubeObject> = { ...CLAIM, plural, kind: 'Any' };
    expect(await refusal(tenants.editor.client.create(kind, { metadata: { name: 'x' } }))).toContain('cannot create');
    expect(await refusal(tenants.editor.client.mergePatch(kind, { name: 'x' }, {}))).toContain('cannot patch');
    expect(await refusal(tenants.editor.client.delete(kind, { name: 'x' }))).toContain('cannot delete');
  });

  test('has no right on network attachment definitions, and must not be given one', async () => {
    const { status } = await tenants.editor.client.transport.request({
      method: 'GET',
      path: `/apis/k8s.cni.cncf.io/v1/namespaces/${EVIL}/network-attachment-definitions`,
    });
    expect(status).toBe(403);
  });
});

test('after all this, the other tenant has what it had', () => tenants.expectNothingTaken());
