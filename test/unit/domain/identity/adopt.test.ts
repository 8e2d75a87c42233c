import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import type { MacvlanIdentity } from '../../../../src/api/v1alpha1/identity.ts';
import { boundTo, claimNamesOf, definitionsOf, unrecordedHolders } from '../../../../src/domain/identity/adopt.ts';
import { planGroup } from '../../../../src/domain/identity/plan.ts';
import { boundPod, holderFacts, waitingPod } from '../../../support/identity.ts';

const identity = (name: string, holder?: string): MacvlanIdentity => ({
  metadata: { name, namespace: 'home' },
  spec: {},
  ...(holder === undefined ? {} : { status: { holder: { pod: holder, uid: `uid-${holder}` } } }),
});

function on(pod: Pod, networks: string): Pod {
  const annotations = { ...pod.metadata.annotations, 'k8s.v1.cni.cncf.io/networks': networks };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

describe('what a pod was bound to', () => {
  test('is told by label and annotation together, which only the controller writes', () => {
    expect(boundTo(boundPod('a', 'vip'))).toBe('vip');
    const forged = waitingPod('a', { annotations: { 'macvlan.dev/bound': 'vip' } });
    expect(boundTo(forged)).toBeUndefined();
    expect(boundTo(waitingPod('a', { labels: { 'macvlan.dev/gated': 'bound' } }))).toBeUndefined();
  });

  test('holds its addresses by the names that their claims have', () => {
    const elements = [
      { name: 'lan', mac: '02-4D-00-00-00-01', ips: ['192.0.2.50/24', 'fd00::1/64'] },
      { name: 'wan', namespace: 'other' },
    ];
    const pod = on(boundPod('a', 'vip'), JSON.stringify(elements));
    expect(claimNamesOf(pod)).toEqual(['mac-02-4d-00-00-00-01', 'ip-lan-192-0-2-50', 'ip-lan-fd00-0-0-0-0-0-0-1']);
    expect(definitionsOf(pod)).toEqual(['home/lan', 'other/wan']);
  });

  test('holds nothing once it has ended, while it waits, or when nobody can read it', () => {
    const text = JSON.stringify([{ name: 'lan', mac: '02:4d:00:00:00:01' }]);
    expect(claimNamesOf(on(boundPod('a', 'vip', { phase: 'Succeeded' }), text))).toEqual([]);
    expect(claimNamesOf(on(waitingPod('a'), text))).toEqual([]);
    expect(claimNamesOf(on(boundPod('a', 'vip'), '['))).toEqual([]);
  });
});

describe('pods that their identity does not know of', () => {
  test('are found where it is gone, or says of nobody that he holds it', () => {
    const pods = [boundPod('a', 'gone'), boundPod('b', 'empty'), boundPod('c', 'held')];
    const found = unrecordedHolders(pods, [identity('empty'), identity('held', 'other')]);
    expect([...found].map(([name, pod]) => [name, pod.metadata.name])).toEqual([
      ['gone', 'a'],
      ['empty', 'b'],
    ]);
  });

  test('are not those that have ended or wait', () => {
    const pods = [boundPod('a', 'vip', { phase: 'Failed' }), waitingPod('b')];
    expect([...unrecordedHolders(pods, [])]).toEqual([]);
  });

  test('of several, one that stays comes first', () => {
    const pods = [boundPod('a', 'vip', { deleted: true }), boundPod('b', 'vip')];
    expect(unrecordedHolders(pods, []).get('vip')?.metadata.name).toBe('b');
  });
});

describe('the plan for a bound pod', () => {
  const facts = { namespace: 'home', identities: [], replicas: undefined, claims: [] };
  const pod = boundPod('web-0', 'vip', { deleted: true });
  const next = waitingPod('next', { annotations: { 'macvlan.dev/identity': 'vip' } });

  test('records it, and lets the next one wait for it', () => {
    const holders = new Map([['vip', holderFacts({ pod })]]);
    const plan = planGroup({ ...facts, pods: [pod, next], holders });
    expect(plan.adoptions).toEqual([{ pod, identity: 'vip' }]);
    expect(plan.bindings).toEqual([]);
    expect(plan.waits).toMatchObject([{ pod: next, reason: 'HolderAlive' }]);
  });

  test('does not record it again once it is proved to be gone, or a person said so', () => {
    const holders = new Map([['vip', holderFacts({ pod, released: 'uid-web-0' })]]);
    const plan = planGroup({ ...facts, pods: [pod, next], holders });
    expect(plan.adoptions).toEqual([]);
    expect(plan.bindings).toMatchObject([{ pod: next, identity: 'vip' }]);
  });
});
