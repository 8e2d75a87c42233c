import { describe, expect, test } from '@jest/globals';
import type { MacvlanIdentity } from '../../../../src/api/v1alpha1/identity.ts';
import { claimFor } from '../../../../src/domain/identity/claims.ts';
import { type GroupFacts, planGroup } from '../../../../src/domain/identity/plan.ts';
import { boundPod, holderFacts, waitingPod } from '../../../support/identity.ts';

const ofDeployment = (name: string, seconds: number) =>
  waitingPod(name, {
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4f', uid: 'u', controller: true }],
    labels: { 'pod-template-hash': '5d4f' },
    creationTimestamp: new Date(seconds * 1000).toISOString(),
  });
const identity = (name: string): MacvlanIdentity => ({ metadata: { name, namespace: 'home' }, spec: {} });
const claim = (name: string) => claimFor({ address: '192.0.2.9', attachment: 'lan' }, { namespace: 'home', name });
const plan = (facts: Partial<GroupFacts>) =>
  planGroup({
    namespace: 'home',
    pods: [],
    identities: [],
    replicas: undefined,
    holders: new Map(),
    claims: [],
    ...facts,
  });
const heldBy = (identityName: string, init: Parameters<typeof holderFacts>[0]) =>
  ({ identities: [identity(identityName)], holders: new Map([[identityName, holderFacts(init)]]) }) as const;

describe('the slots of a Deployment', () => {
  test('go to the pods in the order in which they came', () => {
    const pods = [ofDeployment('late', 9), ofDeployment('early', 1)];
    const { bindings, waits } = plan({ pods, replicas: 1 });
    expect(bindings.map(({ pod, identity: name }) => [pod.metadata.name, name])).toEqual([
      ['early', 'deployment-web-0'],
    ]);
    expect(waits).toMatchObject([{ pod: { metadata: { name: 'late' } }, reason: 'HolderAlive' }]);
  });

  test('are not counted out where somebody writes more of them than there can be pods', () => {
    const pods = Array.from({ length: 3 }, (_, i) => ofDeployment(`p${i}`, i + 1));
    const { bindings, waits } = plan({ pods, replicas: 2 ** 31 - 1 });
    expect(bindings.map(({ identity: name }) => name)).toEqual([0, 1, 2].map((slot) => `deployment-web-${slot}`));
    expect(waits).toEqual([]);
  });

  test('go to nobody while the Deployment has none', () => {
    const { bindings, waits } = plan({ pods: [ofDeployment('x', 1)], replicas: 0 });
    expect(bindings).toEqual([]);
    expect(waits[0]?.message).toContain('has no replicas');
  });
});

describe('a pod that holds its identity already', () => {
  test('goes on with it: an earlier turn broke off', () => {
    const pod = ofDeployment('web-0', 1);
    const holders = new Map([['deployment-web-1', holderFacts({ pod }, { uid: 'uid-web-0' })]]);
    const { bindings } = plan({ pods: [pod], replicas: 2, identities: [identity('deployment-web-1')], holders });
    expect(bindings).toMatchObject([{ identity: 'deployment-web-1', replaces: 'uid-web-0' }]);
  });
});

describe('a pod whose identity is held', () => {
  const next = waitingPod('other', { annotations: { 'macvlan.dev/identity': 'vip' } });

  test.each([
    [
      'runs',
      { pod: boundPod('web-0', 'vip') },
      'held by pod web-0 (uid uid-web-0) on node a.',
      'It goes on when that pod has ended.',
    ],
    [
      'is being deleted',
      { pod: boundPod('web-0', 'vip', { deleted: true }) },
      'which is being deleted',
      'macvlan.dev/release=uid-web-0',
    ],
    ['vanished', {}, 'which vanished without proof', 'kubectl -n home annotate mvi vip macvlan.dev/release=uid-web-0'],
  ])('is told for whom it waits, and what helps, when the other one %s', (...[, holder, says, remedy]) => {
    const { waits } = plan({ pods: [next], ...heldBy('vip', holder) });
    expect(waits).toMatchObject([{ identity: 'vip', reason: 'HolderAlive' }]);
    expect(waits[0]?.message).toContain(says);
    expect(waits[0]?.remedy).toContain(remedy);
  });

  test('gets it with the proof, and the plan says whom it replaces', () => {
    const ended = boundPod('web-0', 'vip', { phase: 'Succeeded' });
    const { bindings, proofs } = plan({ pods: [next, ended], ...heldBy('vip', { pod: ended }) });
    expect([...proofs]).toEqual([['vip', 'Ended']]);
    expect(bindings).toMatchObject([{ identity: 'vip', replaces: 'uid-web-0' }]);
  });
});

describe('a pod that says none', () => {
  test('is let go', () => {
    const pod = waitingPod('x', { annotations: { 'macvlan.dev/identity': 'none' } });
    expect(plan({ pods: [pod] })).toMatchObject({ dismissals: [pod], bindings: [], waits: [] });
  });
});

describe('a name that no identity can have', () => {
  test('is told at the pod', () => {
    const pod = waitingPod('x', { annotations: { 'macvlan.dev/identity': 'A/B' } });
    expect(plan({ pods: [pod] }).waits).toMatchObject([{ reason: 'IdentityNameInvalid', identity: undefined }]);
  });
});

describe('claims whose identity is gone', () => {
  test('are given up when no pod uses them', () => {
    expect(plan({ claims: [claim('pod-x')] }).orphans).toEqual([claim('pod-x')]);
    expect(plan({ claims: [claim('pod-x')], identities: [identity('pod-x')] }).orphans).toEqual([]);
  });

  test('stay for a pod that runs with them, whose identity is made again', () => {
    const pod = boundPod('x', 'pod-x');
    const holders = new Map([['pod-x', holderFacts({ pod })]]);
    expect(plan({ claims: [claim('pod-x')], pods: [pod], holders })).toMatchObject({
      orphans: [],
      adoptions: [{ pod, identity: 'pod-x' }],
    });
  });

  test('stay for a pod that is about to be bound to them', () => {
    expect(plan({ claims: [claim('pod-x')], pods: [waitingPod('x')] }).orphans).toEqual([]);
  });

  test('are given up when the pod that had them has ended', () => {
    const pod = boundPod('x', 'pod-x', { phase: 'Failed' });
    expect(plan({ claims: [claim('pod-x')], pods: [pod] })).toMatchObject({ orphans: [claim('pod-x')], adoptions: [] });
  });
});
