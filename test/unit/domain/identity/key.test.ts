import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import {
  askOf,
  candidatesFor,
  groupNameOf,
  groupOf,
  isWaiting,
  whatIsWrongWithName,
} from '../../../../src/domain/identity/key.ts';
import { waitingPod } from '../../../support/identity.ts';

const owned = (kind: string, name: string, init: Parameters<typeof waitingPod>[1] = {}) =>
  waitingPod('web-0', { ownerReferences: [{ apiVersion: 'x/v1', kind, name, uid: 'u', controller: true }], ...init });
const forNode = (node: string): Pod['spec'] => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', values: [node] }] }],
      },
    },
  },
});

describe('the identity of a pod', () => {
  test.each<[string, Pod, string]>([
    ['of a StatefulSet follows its name', owned('StatefulSet', 'web'), 'statefulset-web-0'],
    ['without an owner follows its name', waitingPod('pihole'), 'pod-pihole'],
    [
      'of a DaemonSet follows its node',
      { ...owned('DaemonSet', 'dns'), spec: { ...owned('DaemonSet', 'dns').spec, ...forNode('nas') } },
      'daemonset-dns.nas',
    ],
    ['of a Job follows the Job', owned('Job', 'backup'), 'job-backup'],
    [
      'of an indexed Job follows the index',
      owned('Job', 'backup', { annotations: { 'batch.kubernetes.io/job-completion-index': '3' } }),
      'job-backup.3',
    ],
    ['of an owner that nobody here knows follows its name', owned('CloneSet', 'web'), 'cloneset-web-0'],
    ['that names one is that', waitingPod('x', { annotations: { 'macvlan.dev/identity': 'vip' } }), 'vip'],
  ])('%s', (_what, pod, name) => {
    const group = groupOf(pod);
    expect(group.name).toBe(name);
    expect(candidatesFor(pod, group, undefined)).toEqual([name]);
  });

  test('of a Deployment is one of as many slots as there are replicas', () => {
    const pod = owned('ReplicaSet', 'web-5d4f', { labels: { 'pod-template-hash': '5d4f' } });
    expect(groupOf(pod)).toMatchObject({ name: 'deployment-web', slotsOf: { kind: 'Deployment', name: 'web' } });
    expect(candidatesFor(pod, groupOf(pod), 2)).toEqual(['deployment-web-0', 'deployment-web-1']);
    expect(candidatesFor(pod, groupOf(pod), 0)).toEqual([]);
  });

  test('of a ReplicaSet that no Deployment made is one of its own slots, and goes a day after its last pod', () => {
    const pod = owned('ReplicaSet', 'web');
    const group = groupOf(pod);
    expect(group).toEqual({
      name: 'replicaset-web',
      slotsOf: { kind: 'ReplicaSet', name: 'web' },
      reclaim: { type: 'Delete', after: '24h' },
    });
    expect(candidatesFor(pod, group, 2)).toEqual(['replicaset-web-0', 'replicaset-web-1']);
  });

  test('is of another name for each kind of owner', () => {
    const kinds = ['StatefulSet', 'DaemonSet', 'Job', 'CloneSet', 'ReplicaSet'];
    const names = kinds.map((kind) => groupOf(owned(kind, 'web-0')).name);
    expect(new Set(names).size).toBe(kinds.length);
  });

  test('is deleted after a day where no later pod would ask for it', () => {
    expect(groupOf(owned('Job', 'backup')).reclaim).toEqual({ type: 'Delete', after: '24h' });
    expect(groupOf(owned('StatefulSet', 'web')).reclaim).toEqual({ type: 'Retain' });
  });

  test('belongs to the group that its name says', () => {
    expect(groupNameOf('deployment-web-12')).toBe('deployment-web');
    expect(groupNameOf('replicaset-web-1')).toBe('replicaset-web');
    expect(groupNameOf('statefulset-web-0')).toBe('statefulset-web-0');
    const named = waitingPod('x', { annotations: { 'macvlan.dev/identity': 'deployment-web-1' } });
    expect(groupOf(named).name).toBe('deployment-web');
    expect(candidatesFor(named, groupOf(named), undefined)).toEqual(['deployment-web-1']);
  });
});

describe('a pod asks', () => {
  test.each([
    ['', 'Implied'],
    ['auto', 'Auto'],
    ['none', 'None'],
    ['vip', 'Named'],
  ])('with the annotation "%s": %s', (value, type) => {
    const annotations = value === '' ? {} : { 'macvlan.dev/identity': value };
    expect(askOf(waitingPod('x', { annotations })).type).toBe(type);
  });

  test.each([
    ['fine', 'vip-1', true],
    ['with a capital letter', 'Vip', false],
    ['with a slash', 'other/vip', false],
    ['of 64 letters', 'v'.repeat(64), false],
  ])('for a name that is %s', (_what, name, isFine) => {
    expect(whatIsWrongWithName({ type: 'Named', name }) === undefined).toBe(isFine);
  });

  test('only while it is gated and stays', () => {
    expect(isWaiting(waitingPod('x'))).toBe(true);
    expect(isWaiting(waitingPod('x', { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toBe(false);
    expect(isWaiting({ ...waitingPod('x'), spec: { schedulingGates: [{ name: 'other' }] } })).toBe(false);
  });
});
