// Which pods are evicted: an agent's word begins it, and the attachment, the NIC and the pod itself have to agree.
import { describe, expect, test } from '@jest/globals';
import type { ObjectMeta, Pod } from '../../../../src/api/kube.ts';
import { agrees, isEvictionDue, judgeEviction } from '../../../../src/domain/pod/eviction.ts';
import { attachment, deleted, nodeEntry, nodePod, nodeState } from '../../../support/builders.ts';

const ghost = nodePod('web', { state: 'Ghost' });
const spec = { repair: { type: 'Recreate' } } as const;
const state = nodeState('a', [nodeEntry()]);

describe('an eviction is due', () => {
  test('when a link is missing, its attachment says Recreate, and the NIC is verified again', () => {
    expect(isEvictionDue(ghost, attachment({ spec }), state)).toBe(true);
  });

  test.each([
    ['the link is there', nodePod('web'), attachment({ spec }), state],
    ['the attachment says InPlace', ghost, attachment({ spec: { repair: { type: 'InPlace' } } }), state],
    ['the attachment says nothing', ghost, attachment(), state],
    ['the attachment is gone', ghost, undefined, state],
    ['the attachment is being deleted', ghost, deleted({ spec }), state],
    ['the NIC is not there yet', ghost, attachment({ spec }), nodeState('a', [{ name: 'lan', phase: 'Failed' }])],
    ['another attachment has its NIC', ghost, attachment({ spec }), nodeState('a', [nodeEntry({ name: 'wan' })])],
    ['the node says nothing any more', ghost, attachment({ spec }), undefined],
  ])('not when %s', (_, link, object, said) => {
    expect(isEvictionDue(link, object, said)).toBe(false);
  });
});

const networkStatus = JSON.stringify([{ name: 'home/lan', interface: 'net1' }]);
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true };
function pod(init: Partial<ObjectMeta> = {}): Pod {
  const annotations = { 'k8s.v1.cni.cncf.io/network-status': networkStatus };
  const metadata = { namespace: 'home', name: 'web', uid: 'uid-web', annotations, ownerReferences: [owner], ...init };
  return { metadata, spec: { nodeName: 'a' } };
}

describe('the pod itself', () => {
  test('is evicted when it was attached and somebody makes it again', () => {
    expect(judgeEviction(pod(), ghost)).toBe('Evict');
  });

  test.each([
    ['was never attached', pod({ annotations: {} }), 'Leave'],
    ['is ending already', pod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), 'Leave'],
    ['is nobody’s', pod({ ownerReferences: [] }), 'Orphan'],
    ['has an owner that does not make it again', pod({ ownerReferences: [{ ...owner, controller: false }] }), 'Orphan'],
    ['is the kubelet’s own', pod({ ownerReferences: [{ ...owner, kind: 'Node' }] }), 'Orphan'],
  ])('is not evicted when it %s', (_, object, verdict) => {
    expect(judgeEviction(object, ghost)).toBe(verdict);
  });

  test('has to be the one that the agent speaks of, on the node of that agent', () => {
    expect(agrees(pod(), ghost, 'a')).toBe(true);
    expect(agrees(pod(), ghost, 'b')).toBe(false);
    expect(agrees(pod({ uid: 'another' }), ghost, 'a')).toBe(false);
  });
});
