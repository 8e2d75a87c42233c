// What an agent says of the boot that its node is in, and of what was said in another one.
import { expect, test } from '@jest/globals';
import type { MacvlanNodeState } from '../../../src/api/v1alpha1/node-state.ts';
import { attachment, nodeEntry, nodePod, nodeState } from '../../support/builders.ts';
import { attachedPod } from '../../support/pods.ts';
import { until } from '../../support/until.ts';
import { inWorld, isReady, settled, startAgent } from './world.ts';

/** As the agent before this one left it: the pod's link had vanished. */
function ghostIn(bootId: string): MacvlanNodeState {
  const pod = nodePod('a', { uid: 'uid-a', state: 'Ghost' });
  return nodeState('nas', [nodeEntry()], { agent: { version: '1.0.0', bootId }, pods: [pod] });
}

test.each([
  ['stands, in the same boot,', 'boot-1', 'Ghost'],
  ['is over, after a reboot,', 'boot-0', 'Attached'],
])('what was said of a link %s as long as nobody can see it', async (_what, bootId, state) => {
  await inWorld(startAgent({ state: ghostIn(bootId) }), async (world) => {
    world.stores.pods.upsert(attachedPod('a', { ips: [] }));
    world.put(attachment());
    await isReady(world);
    expect(world.written.at(-1)?.pods).toMatchObject([{ name: 'a', state }]);
  });
});

test('the boot that the node object has is told beside the kernel\u2019s own', async () => {
  await inWorld(startAgent({ nodeBootId: 'boot-of-the-kubelet' }), async (world) => {
    world.put(attachment());
    await isReady(world);
    expect(world.written.at(-1)?.agent).toEqual({
      version: '1.2.3',
      bootId: 'boot-1',
      nodeBootId: 'boot-of-the-kubelet',
    });
  });
});

test('that a pod is at work is told with the first word about it, and costs no write of its own', async () => {
  const cgroups = new Set(['uid-a']);
  await inWorld(startAgent({ cgroups }), async (world) => {
    world.put(attachment());
    await isReady(world);
    const before = world.written.length;
    for (const name of ['a', 'b']) world.stores.pods.upsert(attachedPod(name, { ips: [] }));
    await until('both are told', () => world.written.at(-1)?.pods?.length === 2);
    await world.clock.advance(1000);
    await settled();
    const told = world.written.slice(before).flatMap(({ pods = [] }) => pods);
    expect(told.map(({ name, evidence }) => [name, evidence])).toEqual(
      told.map(({ name }) => [name, name === 'a' ? 'Cgroup' : undefined]),
    );
    expect(world.written.length - before).toBeLessThanOrEqual(2); // one for each pod that came
  });
});
