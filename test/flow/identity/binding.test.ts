// Who asks, and what a bound pod looks like: on a real API server with the chart's policies.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NAMESPACE } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, MAC, networksOf } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();

beforeAll(async () => {
  world = opened();
  await world.start();
  await world.attach('lan');
  const other = { metadata: { namespace: HOME, name: 'other' }, spec: { config: '{}' } };
  await world.client.create(NETWORK_ATTACHMENT_DEFINITION, other);
  await world.attach('cams', { identity: { macPrefix: '02:4d' } });
}, 600_000);

describe('a pod that asks for an identity', () => {
  test('is gated by the API server, and bound by the controller with a MAC of its own', async () => {
    const made = await world.makePod('web-0', { owner: { kind: 'StatefulSet', name: 'web' } });
    expect(made.spec.schedulingGates).toEqual([{ name: 'macvlan.dev/identity' }]);
    expect(made.metadata.labels).toEqual({ 'macvlan.dev/gated': 'true' });
    const pod = await world.bound('web-0');
    expect(pod.spec.schedulingGates ?? []).toEqual([]);
    expect(pod.metadata.annotations?.['macvlan.dev/bound']).toBe('statefulset-web-0');
    expect(networksOf(pod)).toEqual([{ name: 'lan', mac: expect.stringMatching(MAC) }]);

    const mac = networksOf(pod)[0]?.mac ?? '';
    const identity = await world.identity('statefulset-web-0');
    expect(identity?.spec).toEqual({
      attachments: [{ attachment: 'lan', index: 0, mac }],
      reclaim: { type: 'Retain' },
    });
    expect(identity?.status).toEqual({ phase: 'Bound', holder: { pod: 'web-0', uid: pod.metadata.uid } });
    expect((await world.claims()).map(({ metadata, spec }) => [metadata.name, spec.identity.name])).toEqual([
      [`mac-${mac.replaceAll(':', '-')}`, 'statefulset-web-0'],
    ]);
  });

  test('keeps the gates of others, unknown keys, other networks and their order', async () => {
    const networks = '[{"name":"other","org.example.x":[1, 2]}, {"name":"lan"},{"name":"cams"},  {"name":"lan"}]';
    await world.makePod('several', {
      networks,
      spec: { schedulingGates: [{ name: 'a.example/one' }, { name: 'b.example/two' }] },
    });
    const pod = await world.bound('several');
    expect(pod.spec.schedulingGates).toEqual([{ name: 'a.example/one' }, { name: 'b.example/two' }]);
    const [other, first, cams, second] = networksOf(pod);
    expect(pod.metadata.annotations?.['k8s.v1.cni.cncf.io/networks']).toBe(
      `[{"name":"other","org.example.x":[1, 2]}, {"name":"lan","mac":"${first?.mac}"},{"name":"cams","mac":"${cams?.mac}"},  {"name":"lan","mac":"${second?.mac}"}]`,
    );
    expect(other).toEqual({ name: 'other', 'org.example.x': [1, 2] });
    expect(cams?.mac).toMatch(/^02:4d:/);
    expect(new Set([first?.mac, cams?.mac, second?.mac]).size).toBe(3);
  });

  test.each([
    ['by the label of its namespace', { identity: '' }, 'labelled'],
    ['by a name', { identity: 'pihole' }, HOME],
  ])('asks %s', async (_how, init, namespace) => {
    if (namespace !== HOME) {
      await world.client.create(NAMESPACE, {
        metadata: { name: namespace, labels: { 'macvlan.dev/identity': 'auto' } },
      });
    }
    const made = await world.makePod(`asks-${namespace}`, init);
    // The namespace of the attachment is `home`: elsewhere its name is nobody's network, and a pod that did not ask itself goes on.
    if (namespace === HOME)
      expect((await world.bound(made.metadata.name)).metadata.annotations?.['macvlan.dev/bound']).toBe('pihole');
  });

  test('waits and is told when none of its networks is an attachment, and goes on when one is', async () => {
    await world.makePod('early', { networks: 'late' });
    expect(await world.told('early', 'NetworkMissing')).toContain(
      'No network that the pod names is a MacvlanAttachment',
    );
    await world.attach('late');
    await world.bound('early');
  });

  test('is told when its annotation cannot be read', async () => {
    await world.makePod('garbled', { networks: '[{"name":"lan"' });
    expect(await world.told('garbled', 'NetworksInvalid')).toContain('is no valid JSON');
  });
});

describe('a pod that does not ask', () => {
  test.each([
    ['says nothing', { identity: '' }],
    ['says none', { identity: 'none' }],
    ['has no networks', { networks: '' }],
    ["uses the host's network", { spec: { hostNetwork: true } }],
    ['is bound to a node', { spec: { nodeName: 'node-a' } }],
  ])('is left alone when it %s', async (what, init) => {
    const made = await world.makePod(`free-${what.replaceAll(/[^a-z]/g, '')}`, init);
    expect(made.spec.schedulingGates).toBeUndefined();
    expect(made.metadata.labels).toBeUndefined();
  });

  test('is let go when only its gate asks, in a template that an older cluster needs, and it says none', async () => {
    const gate = { schedulingGates: [{ name: 'macvlan.dev/identity' }] };
    await world.makePod('written', { identity: 'none', labels: { 'macvlan.dev/gated': 'true' }, spec: gate });
    await until('it is let go', async () => (await world.pod('written'))?.spec.schedulingGates === undefined);
    expect((await world.pod('written'))?.metadata.labels ?? {}).toEqual({});
  });
});

describe('a pod that is on a node without the identity that it needs', () => {
  test('is told so when it asks, and nothing held it', async () => {
    await world.makePod('direct', { spec: { nodeName: 'node-a' } });
    expect(await world.told('direct', 'NeverGated')).toContain('sent to a node without one');
  });

  test('is told what to write when its addresses would come from a pool', async () => {
    const ranges = [{ subnet: '192.0.2.0/24' }];
    await world.attach('pooled', { ipam: { type: 'Pool', pool: { ranges } } });
    await world.makePod('poor', { networks: 'pooled', identity: '', spec: { nodeName: 'node-a' } });
    expect(await world.told('poor', 'IdentityMissing')).toContain(
      'Annotate the template of the pod with macvlan.dev/identity: auto',
    );
  });

  test('is told nothing when it needs none', async () => {
    await world.makePod('content', { identity: '', spec: { nodeName: 'node-a' } });
    await world.makePod('after', { spec: { nodeName: 'node-a' } });
    await world.told('after', 'NeverGated'); // the one before has been looked at by then
    const field = 'involvedObject.name=content';
    expect(await world.kubectl('-n', HOME, 'get', 'events', '--field-selector', field, '-o', 'name')).toBe('');
  });
});

describe('nobody but the controller', () => {
  const patches = [
    [
      'the gate',
      [{ op: 'remove', path: '/spec/schedulingGates' }],
      'the gate macvlan.dev/identity of a pod is removed by',
    ],
    [
      'the networks',
      [{ op: 'replace', path: '/metadata/annotations/k8s.v1.cni.cncf.io~1networks', value: 'cams' }],
      'are the macvlan controller',
    ],
    [
      'an annotation of ours',
      [{ op: 'add', path: '/metadata/annotations/macvlan.dev~1ip', value: '192.0.2.1' }],
      'are the macvlan controller',
    ],
    [
      'the label',
      [{ op: 'remove', path: '/metadata/labels/macvlan.dev~1gated' }],
      'the label macvlan.dev/gated of a pod is',
    ],
  ] as const;

  test.each(patches)('may change %s of a pod that waits, or of one that is bound', async (_what, patch, says) => {
    await world.makePod('guarded', { networks: 'nowhere' }).catch(() => {});
    // Somebody who may do anything, but has not the credentials of last resort.
    await world.plane.kubectl(['create', 'clusterrolebinding', 'alice', '--clusterrole=cluster-admin', '--user=alice']);
    const said = async (name: string) => {
      const argv = ['-n', HOME, 'patch', 'pod', name, '--type=json', '-p', JSON.stringify(patch), '--as=alice'];
      return (await world.plane.kubectl(argv)).stderr;
    };
    expect(await said('guarded')).toContain(says);
    if (_what !== 'the gate') expect(await said('web-0')).toContain(says);
  });
});

test('the API server warns of a Deployment whose update would wait for ever, and of no other', async () => {
  const deployment = (name: string, strategy: object, annotations: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: HOME },
    spec: {
      selector: { matchLabels: { app: name } },
      strategy,
      template: {
        metadata: { labels: { app: name }, annotations: { 'k8s.v1.cni.cncf.io/networks': 'lan', ...annotations } },
        spec: { containers: [{ name: 'main', image: 'none' }] },
      },
    },
  });
  const asks = { 'macvlan.dev/identity': 'auto' };
  const warned = async (strategy: object, annotations: object) => {
    const input = JSON.stringify(deployment('d', strategy, annotations));
    return (await world.plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input })).stderr;
  };
  expect(await warned({}, asks)).toContain('an update of this Deployment will wait for ever');
  expect(await warned({}, {})).toBe('');
  expect(await warned({ type: 'Recreate' }, asks)).toBe('');
  expect(await warned({ rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }, asks)).toBe('');
});
