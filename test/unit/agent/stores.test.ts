// What is left of objects that come in by the watches: all that decisions look at, and nothing more.
import { expect, test } from '@jest/globals';
import { slimNode, slimPod } from '../../../src/agent/stores.ts';

test('a node keeps its labels and what it says of its system', () => {
  const nodeInfo = { bootID: 'b', kubeletVersion: 'v1.36.3', osImage: 'Unraid OS', kernelVersion: '6.12.24-Unraid' };
  const metadata = { name: 'a', uid: 'u', labels: { x: 'y' }, annotations: { long: 'text' } };
  expect(slimNode({ metadata, spec: { unschedulable: true }, status: { nodeInfo } })).toEqual({
    metadata: { name: 'a', uid: 'u', labels: { x: 'y' } },
    status: { nodeInfo: { bootID: 'b', osImage: 'Unraid OS', kernelVersion: '6.12.24-Unraid' } },
  });
  expect(slimNode({ metadata: { name: 'a' } })).toEqual({ metadata: { name: 'a' }, status: { nodeInfo: {} } });
});

test('a pod keeps the labels by which load balancers that answer ARP are known, and no others', () => {
  const labels = { app: 'metallb', component: 'speaker', 'pod-template-hash': 'abc' };
  const { metadata, spec } = slimPod({ metadata: { name: 'p', labels }, spec: { nodeName: 'a' } });
  expect(metadata.labels).toEqual({ app: 'metallb', component: 'speaker' });
  expect(spec).toEqual({});
  expect(slimPod({ metadata: { name: 'p', labels: { tier: 'web' } }, spec: {} }).metadata.labels).toBeUndefined();
});
