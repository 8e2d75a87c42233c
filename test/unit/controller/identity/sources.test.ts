import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Node, Pod } from '../../../../src/api/kube.ts';
import type { MacvlanNodeState } from '../../../../src/api/v1alpha1/node-state.ts';
import { Reports } from '../../../../src/controller/attachment/reports.ts';
import { LastSeen } from '../../../../src/controller/identity/last-seen.ts';
import { connectSources, type Wakes } from '../../../../src/controller/sources.ts';
import { createStores, type Stores } from '../../../../src/controller/stores.ts';
import { claimFor } from '../../../../src/domain/identity/claims.ts';
import { attachment, definition, node } from '../../../support/builders.ts';
import { boundPod, waitingPod } from '../../../support/identity.ts';

let stores: Stores;
let woken: Set<string>;
let version = 0;

/** The object with a version of its own, as the API server gives one to each write. */
function next<T extends { metadata: object }>(object: T): T {
  version += 1;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

function wokenBy(act: () => void): readonly string[] {
  woken = new Set();
  act();
  return [...woken].toSorted();
}

const unsent = (name: string): Pod => ({ ...boundPod(name, 'vip'), spec: {} });

const ended = (name: string, uid: string): MacvlanNodeState => ({
  metadata: { name },
  status: { ended: [{ namespace: 'home', name: 'x', uid }] },
});

const booted = (bootID: string): Node => ({ ...node('a'), status: { nodeInfo: { bootID } } });

beforeEach(() => {
  stores = createStores();
  woken = new Set();
  const nobody: Wakes = {
    attachment: () => {},
    attachmentSoon: () => {},
    node: () => {},
    daemonSet: () => {},
    pod: () => {},
    identities: (key) => void woken.add(key),
    unbound: (key) => void woken.add(`unbound ${key}`),
  };
  connectSources(stores, new Reports(), nobody);
});

describe('a group of identities is woken', () => {
  test('by its pods, its identities, and a claim of it that goes', () => {
    expect(wokenBy(() => stores.pods.upsert(next(waitingPod('x'))))).toEqual(['home/pod-x']);
    const identity = { metadata: { name: 'deployment-web-1', namespace: 'home' }, spec: {} };
    expect(wokenBy(() => stores.identities.upsert(next(identity)))).toEqual(['home/deployment-web']);
    const claim = claimFor({ address: '192.0.2.9', attachment: 'lan' }, { namespace: 'home', name: 'pod-y' });
    expect(wokenBy(() => stores.claims.upsert(next(claim)))).toEqual([]);
    expect(wokenBy(() => stores.claims.remove(claim.metadata.name))).toEqual(['home/pod-x', 'home/pod-y']);
  });

  test('by the node of its holder, when that boots, and not when it is merely touched', () => {
    stores.nodes.upsert(next(booted('1')));
    const status = { holder: { pod: 'x', uid: 'u', node: 'a' } };
    stores.identities.upsert(next({ metadata: { name: 'vip', namespace: 'home' }, spec: {}, status }));
    expect(wokenBy(() => stores.nodes.upsert(next(booted('1'))))).toEqual([]);
    expect(wokenBy(() => stores.nodes.upsert(next(booted('2'))))).toEqual(['home/vip']);
    expect(wokenBy(() => stores.nodes.remove('a'))).toEqual(['home/vip']);
  });

  test('by an agent that says that its holder is gone, also when nobody has noted its node', () => {
    const holder = { pod: 'x', uid: 'u' };
    stores.identities.upsert(next({ metadata: { name: 'vip', namespace: 'home' }, spec: {}, status: { holder } }));
    const other = { holder: { ...holder, uid: 'v' } };
    stores.identities.upsert(next({ metadata: { name: 'other', namespace: 'home' }, spec: {}, status: other }));
    expect(wokenBy(() => stores.nodeStates.upsert(next(ended('b', 'u'))))).toEqual(['home/vip']);
    expect(wokenBy(() => stores.nodeStates.upsert(next(ended('b', 'u'))))).toEqual([]);
  });

  test('by attachments and NADs that come or change, while a pod waits', () => {
    expect(wokenBy(() => stores.attachments.upsert(next(attachment())))).toEqual([]);
    stores.pods.upsert(next(waitingPod('x')));
    expect(wokenBy(() => stores.definitions.upsert(next(definition('home'))))).toEqual(['home/pod-x']);
    expect(wokenBy(() => stores.attachments.upsert(next(attachment({ spec: { pins: 'Allow' } }))))).toEqual([
      'home/pod-x',
    ]);
    expect(wokenBy(() => stores.attachments.upsert(next(attachment({ spec: { pins: 'Allow' }, status: {} }))))).toEqual(
      [],
    );
  });
});

describe('a pod that starts without an identity', () => {
  test('is looked at only when it is on a network', () => {
    const plain = { metadata: { name: 'y', namespace: 'home', uid: 'y' }, spec: {} };
    expect(wokenBy(() => stores.starting.upsert(next(plain)))).toEqual([]);
    expect(wokenBy(() => stores.starting.upsert(next(waitingPod('z'))))).toEqual(['unbound home/z']);
  });
});

describe('how a pod was last seen', () => {
  test('is remembered from when it vanishes until it turns out to be there', () => {
    const lastSeen = new LastSeen(stores.pods);
    const ended = next(boundPod('x', 'vip', { phase: 'Failed' }));
    stores.pods.upsert(next(boundPod('x', 'vip')));
    expect(lastSeen.get('uid-x')).toBeUndefined();
    stores.pods.remove('home/x', ended);
    expect(lastSeen.get('uid-x')).toBe(ended);
    lastSeen.forget('uid-x');
    expect(lastSeen.get('uid-x')).toBeUndefined();
  });

  test('is remembered when another pod took its name before anybody looked', () => {
    const lastSeen = new LastSeen(stores.pods);
    const first = next(boundPod('x', 'vip'));
    stores.pods.upsert(first);
    stores.pods.upsert(next(waitingPod('x', { uid: 'another' })));
    expect(lastSeen.get('uid-x')).toBe(first);
    expect(lastSeen.get('another')).toBeUndefined();
  });

  test('is not remembered of one that a list lacks and that had no node yet: it may have got one since', () => {
    const lastSeen = new LastSeen(stores.pods);
    stores.pods.upsert(next(unsent('x')));
    stores.pods.remove('home/x');
    expect(lastSeen.get('uid-x')).toBeUndefined();
    stores.pods.upsert(next(unsent('y')));
    stores.pods.upsert(next(waitingPod('y', { uid: 'another' })));
    expect(lastSeen.get('uid-y')).toBeUndefined();
  });

  test('is remembered of one without a node when the watch says how it was when it was deleted', () => {
    const lastSeen = new LastSeen(stores.pods);
    const last = next(unsent('x'));
    stores.pods.upsert(next(unsent('x')));
    stores.pods.remove('home/x', last);
    expect(lastSeen.get('uid-x')).toBe(last);
  });

  test('is remembered of one that a list lacks, as far as it holds for ever', () => {
    const lastSeen = new LastSeen(stores.pods);
    const ended = next({ ...unsent('x'), status: { phase: 'Failed' } });
    const sent = next(boundPod('y', 'vip'));
    for (const pod of [ended, sent]) stores.pods.upsert(pod);
    for (const name of ['x', 'y']) stores.pods.remove(`home/${name}`);
    expect(lastSeen.get('uid-x')).toBe(ended);
    expect(lastSeen.get('uid-y')).toBe(sent);
  });
});
