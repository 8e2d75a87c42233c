import { beforeEach, expect, test } from '@jest/globals';
import { EndedWatch } from '../../../../src/agent/pods/ended-watch.ts';
import type { Pod } from '../../../../src/api/kube.ts';
import type { MacvlanAttachment } from '../../../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../../../src/api/v1alpha1/node-state.ts';
import { CLEAR_MS } from '../../../../src/domain/pod/ended.ts';
import { Store } from '../../../../src/kernel/watch/store.ts';

const MAC = '02:4d:00:00:00:01';
const BOOT = 'boot-2';
/** As an agent tells of it that has read no more than what is written on it. */
const TOLD = {
  namespace: 'home',
  name: 'db-0',
  uid: 'u1',
  attachment: 'lan',
  interface: 'net1',
  mac: MAC,
  state: 'Attached',
} as const;
const ENDED = { namespace: 'home', name: 'db-0', uid: 'u1' };

let now: number;
let changes: number;
let cgroups: ReadonlySet<string> | undefined;
let macs: ReadonlySet<string>;
let pods: Store<Pod>;
let state: MacvlanNodeState | undefined;

beforeEach(() => {
  now = 0;
  changes = 0;
  cgroups = new Set(['agent', 'u1']);
  macs = new Set([MAC]);
  pods = new Store<Pod>();
  state = undefined;
});

function attached(): Pod {
  const status = JSON.stringify([{ name: 'home/lan', interface: 'net1', mac: MAC, ips: [] }]);
  return {
    metadata: { ...ENDED, annotations: { 'k8s.v1.cni.cncf.io/network-status': status } },
    spec: {},
    status: { phase: 'Running' },
  };
}

function watch(): EndedWatch {
  const attachments = new Store<MacvlanAttachment>();
  const spec = { namespaces: {}, ipam: { type: 'None' } } as const;
  attachments.upsert({ metadata: { name: 'lan' }, spec });
  return new EndedWatch({
    bootId: BOOT,
    attachments,
    pods,
    state: () => state,
    cgroups: { read: async () => cgroups },
    filters: { read: async () => macs, close: async () => {} },
    onChange: () => {
      changes += 1;
    },
    clock: { now: () => now, after: () => () => {} },
  });
}

const agentOf = (bootId: string) => ({ version: '1', bootId });

/** Some turns, each half a second after the one before. */
async function turns(ended: EndedWatch, count: number): Promise<void> {
  for (let i = 0; i < count; i++, now += 500) await ended.turn();
}

const PLENTY = Math.ceil(CLEAR_MS / 500) + 2;

test('a pod that was deleted by force has ended when its kubelet is done with it, and not before', async () => {
  const ended = watch();
  pods.upsert(attached());
  await ended.see();
  await ended.turn();
  pods.remove('home/db-0');
  await turns(ended, PLENTY);
  cgroups = new Set(['agent']);
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([]);
  macs = new Set();
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([ENDED]);
  expect(changes).toBe(1);
  expect(await ended.turn()).toEqual({ type: 'done' });
});

test('where the cgroups of the node cannot be seen, nobody is said to have ended', async () => {
  const ended = watch();
  pods.upsert(attached());
  await ended.turn();
  pods.remove('home/db-0');
  [cgroups, macs] = [undefined, new Set()];
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([]);
  expect(await ended.turn()).toMatchObject({ type: 'later' });
});

test('where no link of a running pod is seen in a filter, as in passthru mode, its absence says nothing', async () => {
  const ended = watch();
  pods.upsert(attached());
  macs = new Set();
  await ended.turn();
  pods.remove('home/db-0');
  cgroups = new Set(['agent']);
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([]);
});

test('what an agent before this one told stays, and a pod that went while none was there is looked for', async () => {
  const pod = { ...TOLD, evidence: 'Cgroup' } as const;
  const earlier = { ...ENDED, uid: 'u0' };
  state = { metadata: { name: 'node-a' }, status: { agent: agentOf(BOOT), pods: [pod], ended: [earlier] } };
  const ended = watch();
  ended.begin();
  expect(ended.ended).toEqual([earlier]);
  state = { metadata: { name: 'node-a' } };
  cgroups = new Set(['agent']);
  // Another pod of the attachment shows that its links can be seen at all.
  const other = attached();
  pods.upsert({ ...other, metadata: { ...other.metadata, name: 'db-1', uid: 'u2' } });
  await ended.turn();
  macs = new Set();
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([earlier, ENDED]);
});

/** Another pod of the attachment, which shows that its links can be seen at all. */
async function otherIsHeard(ended: EndedWatch): Promise<void> {
  const other = attached();
  pods.upsert({ ...other, metadata: { ...other.metadata, name: 'db-1', uid: 'u2' } });
  await ended.turn();
  macs = new Set();
}

test('after a reboot, a pod that was not started again yet is not said to have ended: a late kubelet may do so', async () => {
  state = {
    metadata: { name: 'node-a' },
    status: { agent: agentOf('boot-1'), pods: [{ ...TOLD, evidence: 'Cgroup' }] },
  };
  cgroups = new Set(['agent']);
  const ended = watch();
  ended.begin();
  // What is written on it outlived the reboot, as its object did, until somebody deletes it by force.
  pods.upsert(attached());
  await otherIsHeard(ended);
  pods.remove('home/db-0');
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([]);
  // The kubelet starts it nevertheless, and is told of the deletion.
  cgroups = new Set(['agent', 'u1']);
  await turns(ended, PLENTY);
  cgroups = new Set(['agent']);
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([ENDED]);
});

test('what an agent told in another boot of a pod whose object is gone counts for nothing', async () => {
  state = {
    metadata: { name: 'node-a' },
    status: { agent: agentOf('boot-1'), pods: [{ ...TOLD, evidence: 'Cgroup' }] },
  };
  const ended = watch();
  ended.begin();
  cgroups = new Set(['agent']);
  await otherIsHeard(ended);
  await turns(ended, PLENTY);
  expect(ended.ended).toEqual([]);
});

test('a pod whose successor on the node has its MAC address is not looked for, and is told when that has ended, too', async () => {
  const ended = watch();
  pods.upsert(attached());
  await ended.turn();
  pods.remove('home/db-0');
  const successor = attached();
  pods.upsert({ ...successor, metadata: { ...successor.metadata, uid: 'u2' } });
  cgroups = new Set(['agent', 'u1', 'u2']);
  expect(await ended.turn()).toMatchObject({ type: 'later' });
  cgroups = new Set(['agent', 'u2']);
  expect(await ended.turn()).toEqual({ type: 'done' });
  expect(ended.ended).toEqual([]);
  pods.remove('home/db-0');
  [cgroups, macs] = [new Set(['agent']), new Set()];
  await turns(ended, PLENTY);
  expect(ended.ended.map(({ uid }) => uid)).toEqual(['u1', 'u2']);
});

test('of more pods than a state used to have room for, each is told that ends at once', async () => {
  const ended = watch();
  const many = Array.from({ length: 200 }, (_, i) => {
    const one = attached();
    return { ...one, metadata: { ...one.metadata, name: `db-${i}`, uid: `u${i}` } };
  });
  for (const pod of many) pods.upsert(pod);
  cgroups = new Set(many.map(({ metadata }) => metadata.uid));
  await ended.turn();
  for (const { metadata } of many) pods.remove(`home/${metadata.name}`);
  [cgroups, macs] = [new Set(['agent']), new Set()];
  await turns(ended, PLENTY);
  expect(ended.ended).toHaveLength(200);
});

/** The next agent, after this one has told what it knows of the pod. */
function successor(before: EndedWatch): EndedWatch {
  const evidence = before.started.has('u1') ? ({ evidence: 'Cgroup' } as const) : {};
  state = { metadata: { name: 'node-a' }, status: { agent: agentOf(BOOT), pods: [{ ...TOLD, ...evidence }] } };
  const ended = watch();
  ended.begin();
  return ended;
}

test('after a reboot, a pod that an agent told of by what is written on it alone is not said to have ended by the next one', async () => {
  pods.upsert(attached());
  cgroups = new Set(['agent']);
  const first = watch();
  first.begin();
  await first.see();
  expect([...first.started]).toEqual([]);
  // That agent dies; the pod is deleted by force, and its kubelet has heard of nothing yet.
  pods.remove('home/db-0');
  const second = successor(first);
  await otherIsHeard(second);
  await turns(second, PLENTY);
  expect(second.ended).toEqual([]);
});

test('a pod that an agent has seen at work is looked for by the next one', async () => {
  pods.upsert(attached());
  const first = watch();
  first.begin();
  await first.see();
  expect([...first.started]).toEqual(['u1']);
  pods.remove('home/db-0');
  cgroups = new Set(['agent']);
  const second = successor(first);
  await otherIsHeard(second);
  await turns(second, PLENTY);
  expect(second.ended).toEqual([ENDED]);
});

test('what is seen of a pod is news once, whoever looks first, and stays for the next agent', async () => {
  pods.upsert(attached());
  const first = watch();
  await first.see();
  await first.turn();
  expect(changes).toBe(0);
  const second = successor(first);
  cgroups = undefined;
  await second.see();
  expect([...second.started]).toEqual(['u1']);
  cgroups = new Set(['agent', 'u1', 'u2']);
  const other = attached();
  pods.upsert({ ...other, metadata: { ...other.metadata, name: 'db-1', uid: 'u2' } });
  await second.turn();
  expect(changes).toBe(1);
  expect([...second.started]).toEqual(['u1', 'u2']);
});
