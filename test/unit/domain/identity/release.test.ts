import { describe, expect, test } from '@jest/globals';
import type { Node } from '../../../../src/api/kube.ts';
import { type HolderFacts, proofOf, restsOnNode } from '../../../../src/domain/identity/release.ts';
import { boundPod, holderFacts } from '../../../support/identity.ts';

const running = boundPod('web-0', 'i');
const deleting = boundPod('web-0', 'i', { deleted: true });
const ended = boundPod('web-0', 'i', { phase: 'Failed', deleted: true });
const unsent = { ...running, spec: {} };
const rebooted: Node = { metadata: { name: 'a' }, status: { nodeInfo: { bootID: 'boot-2' } } };
const outOfService: Node = {
  metadata: { name: 'a' },
  spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] },
};
const released = 'uid-web-0';

describe('a holder is gone', () => {
  test.each<[string, HolderFacts, string]>([
    ['when its kubelet says that it has ended', holderFacts({ pod: ended }), 'Ended'],
    ['when that was the last that was seen of it', holderFacts({ lastSeen: ended }), 'Ended'],
    [
      'when it succeeded and stays as an object',
      holderFacts({ pod: boundPod('web-0', 'i', { phase: 'Succeeded' }) }),
      'Ended',
    ],
    [
      'when it vanished before it had a node',
      holderFacts({ lastSeen: unsent }, { node: undefined } as never),
      'NeverStarted',
    ],
    [
      'when the agent of its node sees nothing of it any more',
      holderFacts({ ended: new Set(['uid-web-0']) }),
      'NothingLeft',
    ],
    ['when its node left the cluster', holderFacts({ node: undefined }), 'NodeGone'],
    ['when it is being deleted and its node left', holderFacts({ pod: deleting, node: undefined }), 'NodeGone'],
    ['when its node is out of service', holderFacts({ pod: deleting, node: outOfService }), 'OutOfService'],
    ['when its object is gone and its node booted anew', holderFacts({ node: rebooted }), 'NewBoot'],
    ['when a person says so', holderFacts({ released }), 'Released'],
    ['when a person says so of one that is being deleted', holderFacts({ pod: deleting, released }), 'Released'],
  ])('%s', (_when, facts, proof) => {
    expect(proofOf(facts)).toBe(proof);
  });
});

describe('a holder may still be there', () => {
  test.each<[string, HolderFacts]>([
    ['when its object is there, whatever an agent says', holderFacts({ pod: deleting, ended: new Set(['uid-web-0']) })],
    ['when an agent speaks of another pod', holderFacts({ ended: new Set(['uid-other']) })],
    ['while it runs', holderFacts({ pod: running })],
    ['while it is being deleted', holderFacts({ pod: deleting })],
    [
      'when its object vanished while it was running: it may have been deleted by force',
      holderFacts({ lastSeen: deleting }),
    ],
    ['when it was last seen without a node, and is known to have got one', holderFacts({ lastSeen: unsent })],
    ['when nobody saw it vanish', holderFacts()],
    ['when nobody knows on which node it was', holderFacts({ node: undefined }, { node: undefined } as never)],
    [
      'when its node booted anew and its object is there: it is started again',
      holderFacts({ pod: deleting, node: rebooted }),
    ],
    ['when a person speaks of another pod', holderFacts({ released: 'uid-other' })],
    ['when a person says so of one that runs and stays', holderFacts({ pod: running, released })],
    ['when its node does not say in which boot it is', holderFacts({ node: { metadata: { name: 'a' } } })],
  ])('%s', (_when, facts) => {
    expect(proofOf(facts)).toBeUndefined();
  });
});

describe('the node is asked for anew', () => {
  const unnoted = { bootId: undefined } as never;

  test.each<[string, boolean, HolderFacts]>([
    ['before a holder is gone with its node', true, holderFacts({ node: undefined })],
    ['before a holder is gone because its node is out of service', true, holderFacts({ node: outOfService })],
    ['before a holder is gone because its node booted', true, holderFacts({ node: rebooted })],
    ['before its boot is noted', true, holderFacts({}, unnoted)],
    ['not when its boot is noted', false, holderFacts()],
    ['not when the kubelet has spoken', false, holderFacts({ lastSeen: ended, node: undefined })],
    ['not while its object is there', false, holderFacts({ pod: deleting }, unnoted)],
  ])('%s', (_when, isAsked, facts) => {
    expect(restsOnNode(facts)).toBe(isAsked);
  });
});
