// What the controller's token is good for among pods: a binding, and nothing else, though its role says "patch pods".
import { beforeAll, describe, expect, test } from '@jest/globals';
import { POD } from '../../../src/api/kube.ts';
import type { JsonPatchOperation, KubeClient } from '../../../src/kernel/kube/client.ts';
import { clientFor } from '../../support/kube.ts';
import { tokenOf } from '../chart/accounts.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();
let controller: KubeClient;

beforeAll(async () => {
  world = opened();
  controller = clientFor({ ...world.plane, token: await tokenOf(world.plane, 'macvlan-controller') });
  await world.makePod('gated', { spec: { schedulingGates: [{ name: 'a.example/other' }] } });
  await world.makePod('free', { identity: '' });
}, 600_000);

const said = (name: string, patch: readonly JsonPatchOperation[]) =>
  controller.jsonPatch(POD, { namespace: HOME, name }, patch).then(
    () => '',
    (error: unknown) => String(error),
  );

const ONLY_TAPES = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['tape'] }] }],
  },
};

describe('the token of the controller', () => {
  test.each<[string, string, readonly JsonPatchOperation[], string]>([
    [
      'a pod without its gate',
      'free',
      [{ op: 'replace', path: '/metadata/annotations/k8s.v1.cni.cncf.io~1networks', value: 'lan,lan' }],
      'pods only that its own gate holds',
    ],
    [
      'the image of a pod',
      'gated',
      [{ op: 'replace', path: '/spec/containers/0/image', value: 'evil' }],
      'nothing in a pod but its own gate',
    ],
    ['gates of others', 'gated', [{ op: 'remove', path: '/spec/schedulingGates' }], 'remove no gate but its own'],
    ['labels of others', 'gated', [{ op: 'add', path: '/metadata/labels/app', value: 'x' }], 'of a pod and no other'],
    [
      'annotations of others',
      'gated',
      [{ op: 'add', path: '/metadata/annotations/a.example~1x', value: 'x' }],
      'of a pod and no other',
    ],
    [
      'what the pod asked for',
      'gated',
      [{ op: 'remove', path: '/metadata/annotations/macvlan.dev~1identity' }],
      'of a pod and no other',
    ],
    [
      'where a pod goes, but for nodes that are ready',
      'gated',
      [{ op: 'add', path: '/spec/nodeSelector', value: { disk: 'tape' } }],
      'narrow a pod only to nodes where its attachments are ready',
    ],
    [
      'the affinity of a pod',
      'gated',
      [{ op: 'add', path: '/spec/affinity', value: { nodeAffinity: ONLY_TAPES } }],
      'nothing in a pod but its own gate',
    ],
    [
      'finalizers',
      'gated',
      [{ op: 'add', path: '/metadata/finalizers', value: ['a.example/x'] }],
      'nothing in a pod but its own gate',
    ],
  ])('does not change %s', async (...[, name, patch, says]) => {
    expect(await said(name, patch)).toContain(says);
  });

  test('binds a pod that its gate holds', async () => {
    const index = (await world.pod('gated'))?.spec.schedulingGates?.findIndex(
      ({ name }) => name === 'macvlan.dev/identity',
    );
    expect(
      await said('gated', [
        { op: 'replace', path: '/metadata/annotations/k8s.v1.cni.cncf.io~1networks', value: 'lan,lan' },
        { op: 'add', path: '/metadata/annotations/macvlan.dev~1bound', value: 'x' },
        { op: 'replace', path: '/metadata/labels/macvlan.dev~1gated', value: 'bound' },
        { op: 'add', path: '/spec/nodeSelector', value: { 'attachment.macvlan.dev/lan': 'ready' } },
        { op: 'remove', path: `/spec/schedulingGates/${index}` },
      ]),
    ).toBe('');
  });
});
