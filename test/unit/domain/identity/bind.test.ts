import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import { bindingPatch, dismissalPatch } from '../../../../src/domain/identity/bind.ts';
import { waitingPod } from '../../../support/identity.ts';

const gates = (...names: string[]) => ({ spec: { schedulingGates: names.map((name) => ({ name })) } });

describe('the patch that binds a pod', () => {
  test('tests the version that was seen, and takes away our gate alone, by its place', () => {
    const pod = { ...waitingPod('x'), ...gates('kueue.x-k8s.io/admission', 'macvlan.dev/identity', 'other') };
    expect(bindingPatch(pod, { identity: 'pod-x', networks: '[]', placement: {} })).toEqual([
      { op: 'test', path: '/metadata/resourceVersion', value: '7' },
      { op: 'replace', path: '/metadata/annotations/k8s.v1.cni.cncf.io~1networks', value: '[]' },
      { op: 'add', path: '/metadata/annotations/macvlan.dev~1bound', value: 'pod-x' },
      { op: 'replace', path: '/metadata/labels/macvlan.dev~1gated', value: 'bound' },
      { op: 'test', path: '/spec/schedulingGates/1/name', value: 'macvlan.dev/identity' },
      { op: 'remove', path: '/spec/schedulingGates/1' },
    ]);
  });
});

describe('where a bound pod may go', () => {
  const placement = { 'attachment.macvlan.dev/lan': 'ready' };
  const steps = (pod: Pod) =>
    bindingPatch(pod, { identity: 'i', networks: '[]', placement }).filter(({ path }) => path.includes('Selector'));

  test('is added to what it selects by', () => {
    const pod = waitingPod('x');
    expect(steps(pod)).toEqual([{ op: 'add', path: '/spec/nodeSelector', value: placement }]);
    expect(steps({ ...pod, spec: { ...pod.spec, nodeSelector: { disk: 'ssd' } } })).toEqual([
      { op: 'add', path: '/spec/nodeSelector/attachment.macvlan.dev~1lan', value: 'ready' },
    ]);
  });
});

describe('the patch that lets a pod go', () => {
  test('changes nothing but our gate and our label', () => {
    expect(dismissalPatch(waitingPod('x')).map(({ op, path }) => `${op} ${path}`)).toEqual([
      'test /metadata/resourceVersion',
      'remove /metadata/labels/macvlan.dev~1gated',
      'test /spec/schedulingGates/0/name',
      'remove /spec/schedulingGates/0',
    ]);
  });
});
