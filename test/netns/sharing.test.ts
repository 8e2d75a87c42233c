// Two attachments that cannot live on one NIC, on the real kernel: the older one has it, the younger one waits and is told.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { MacvlanMode } from '../../src/api/v1alpha1/attachment.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent } from './support/agent.ts';
import type { Lab } from './support/lab.ts';
import { NIC, plugPod, startLan } from './support/lan.ts';

jest.setTimeout(60_000);

let lab: Lab;
let agent: LabAgent;

beforeEach(async () => {
  lab = await startLan(['pod', 'second']);
  agent = LabAgent.start(lab, 'node');
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

function wanted(name: string, created: string, mode: MacvlanMode) {
  return attachmentOn(NIC, { name, metadata: { name, creationTimestamp: created }, spec: { mode } });
}

async function aliases(): Promise<readonly string[]> {
  const [link] = await lab.show<{ altnames?: string[] }>('node', `link show dev ${NIC}`);
  return link?.altnames ?? [];
}

const OLD = '2026-01-01T00:00:00Z';
const YOUNG = '2026-01-01T00:00:01Z';

describe('a NIC that one attachment wants for itself', () => {
  test('stays with the older one, and goes to the younger one when the older one goes', async () => {
    agent.putAttachment(wanted('cam', YOUNG, 'passthru'));
    agent.putAttachment(wanted('lan', OLD, 'bridge'));
    await agent.hasEntry('lan', 'Ready');
    const taken = await agent.hasEntry('cam', 'Failed');
    expect(taken.problems).toMatchObject([{ reason: 'ParentTaken', remedy: expect.stringContaining('another NIC') }]);
    expect(await aliases()).toEqual(['mva-lan']);

    agent.removeAttachment('lan');
    await agent.hasEntry('cam', 'Ready');
    await until('the other alias', async () => (await aliases()).join() === 'mva-cam');
  });

  test('is taken back from a younger one that had it first, since the older one came to this node late', async () => {
    agent.putAttachment(wanted('cam', YOUNG, 'passthru'));
    await agent.hasEntry('cam', 'Ready');
    agent.putAttachment(wanted('lan', OLD, 'bridge'));
    await agent.hasEntry('lan', 'Ready');
    await agent.hasEntry('cam', 'Failed');
    expect(await aliases()).toEqual(['mva-lan']);
  });

  test('is one that the kernel would refuse to share', async () => {
    agent.putAttachment(wanted('cam', OLD, 'passthru'));
    agent.putAttachment(wanted('lan', YOUNG, 'bridge'));
    await agent.hasEntry('cam', 'Ready');
    expect((await agent.hasEntry('lan', 'Failed')).incarnation).toBeUndefined();
    expect(await aliases()).toEqual(['mva-cam']);
    await lab.ip('node', 'link add name tmp1 link mva-cam netns second type macvlan mode passthru');
    const pod = { parent: 'mva-cam', ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };
    await expect(plugPod(lab, 'pod', pod)).rejects.toThrow('Invalid argument');
  });

  test("is not to be had beside a link that somebody else made in the node's own namespace", async () => {
    await lab.ip('node', `link add name theirs link ${NIC} type macvlan mode bridge`);
    agent.putAttachment(wanted('cam', OLD, 'passthru'));
    const [problem] = (await agent.hasEntry('cam', 'Failed')).problems ?? [];
    expect(problem).toMatchObject({ reason: 'ParentTaken', message: expect.stringContaining('link theirs') });
    await lab.ip('node', 'link del theirs');
    await agent.hasEntry('cam', 'Ready');
  });
});
