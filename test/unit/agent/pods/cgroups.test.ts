import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PodCgroups } from '../../../../src/agent/pods/cgroups.ts';

const OWN = '11111111-2222-3333-4444-555555555555';
const OTHER = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const underscored = (uid: string) => uid.replaceAll('-', '_');

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'macvlan-cgroups-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function make(...paths: string[]): PodCgroups {
  for (const path of paths) mkdirSync(join(root, path), { recursive: true });
  return new PodCgroups(root, OWN);
}

test.each([
  ['with cgroupfs', `kubepods/burstable/pod${OWN}/container`, `kubepods/pod${OTHER}`],
  [
    'with systemd',
    `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${underscored(OWN)}.slice`,
    `kubepods.slice/kubepods-pod${underscored(OTHER)}.slice/cri-containerd-x.scope`,
  ],
  [
    'with systemd, below a folder of their own',
    `kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${underscored(OWN)}.slice`,
    `kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${underscored(OTHER)}.slice`,
  ],
  [
    'in version 1, somewhere below a controller',
    `memory/of/node-a/kubepods/besteffort/pod${OWN}`,
    `memory/of/node-a/kubepods/burstable/pod${OTHER}`,
  ],
])('all pods of the node are found: %s', async (_how, own, other) => {
  expect(await make(own, other, 'system.slice/ssh.service', 'memory/user').read()).toEqual(new Set([OWN, OTHER]));
});

test("another kubelet's pods on the same machine are not this node's", async () => {
  const cgroups = make(`of/node-a/kubepods/burstable/pod${OWN}`, `of/node-b/kubepods/burstable/pod${OTHER}`);
  expect(await cgroups.read()).toEqual(new Set([OWN]));
});

test('a pod that comes later is seen, and one that goes is not', async () => {
  const cgroups = make(`kubepods/pod${OWN}`);
  await cgroups.read();
  make(`kubepods/burstable/pod${OTHER}`);
  expect(await cgroups.read()).toEqual(new Set([OWN, OTHER]));
  rmSync(join(root, `kubepods/burstable/pod${OTHER}`), { recursive: true });
  expect(await cgroups.read()).toEqual(new Set([OWN]));
});

test("nothing is known where the agent's own pod is not found: an empty list would be a lie", async () => {
  expect(await make(`kubepods/burstable/pod${OTHER}`).read()).toBeUndefined();
  expect(await new PodCgroups(join(root, 'nowhere'), OWN).read()).toBeUndefined();
  expect(await new PodCgroups(root, '').read()).toBeUndefined();
});

test('nothing is known while a folder of pods cannot be read: those in it would look gone', async () => {
  make(`here/kubepods/burstable/pod${OWN}`, `here/kubepods/besteffort/pod${OTHER}`);
  // As deep as paths may be: `…/kubepods/burstable` can be read, and `…/kubepods/besteffort` is one character too long, for root too.
  const length = 4095 - '/kubepods/burstable'.length;
  let deep = root;
  while (length - deep.length > 210) deep = join(deep, 'x'.repeat(200));
  deep = join(deep, 'x'.repeat(length - deep.length - 1));
  mkdirSync(deep, { recursive: true });
  renameSync(join(root, 'here/kubepods'), join(deep, 'kubepods'));
  try {
    expect(await new PodCgroups(deep, OWN).read()).toBeUndefined();
  } finally {
    renameSync(join(deep, 'kubepods'), join(root, 'here/kubepods'));
  }
  expect(await new PodCgroups(join(root, 'here'), OWN).read()).toEqual(new Set([OWN, OTHER]));
});
