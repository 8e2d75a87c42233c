// The alias on real links: put on the verified NIC, moved, kept through renames, taken away, and never on a wrong one.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { nodeEntry, nodeState } from '../support/builders.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent } from './support/agent.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NIC_MAC, photograph, startLan } from './support/lan.ts';

jest.setTimeout(60_000);

let lab: Lab;
const agents: LabAgent[] = [];

function startAgent(init?: Parameters<typeof LabAgent.start>[2]): LabAgent {
  const agent = LabAgent.start(lab, 'node', init);
  agents.push(agent);
  return agent;
}

/** Which link, by its name, carries the altname. */
async function carrierOf(alias: string): Promise<string | undefined> {
  const links = await lab.show<{ ifname: string; altnames?: string[] }>('node', 'link');
  return links.find((link) => link.altnames?.includes(alias) === true)?.ifname;
}

function isOn(nic: string | undefined, alias = 'mva-lan'): Promise<boolean> {
  return until(`${alias} on ${nic}`, async () => (await carrierOf(alias)) === nic);
}

beforeEach(async () => {
  lab = await startLan();
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await lab.stop();
});

describe('the alias', () => {
  test('is put on the NIC of that name, and the entry came first', async () => {
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    const entry = await agent.hasEntry('lan', 'Ready');
    expect(await carrierOf('mva-lan')).toBe(NIC);
    expect(entry).toMatchObject({ interface: NIC, observedGeneration: 1, hostAccess: 'None' });
    expect(agent.statuses[0]?.attachments).toMatchObject([{ name: 'lan', phase: 'Pending' }]);
  });

  test('finds the NIC by its MAC address and by the default route', async () => {
    const agent = startAgent();
    agent.putAttachment(
      attachmentOn('', { name: 'by-mac', spec: { parents: [{ interface: { mac: NIC_MAC.toUpperCase() } }] } }),
    );
    agent.putAttachment(attachmentOn('', { name: 'by-route', spec: { parents: [] } }));
    agent.putAttachment(
      attachmentOn('', { name: 'by-default', spec: { parents: [{ interface: { defaultRoute: 'IPv4' } }] } }),
    );
    await agent.hasEntry('by-mac', 'Ready');
    await agent.hasEntry('by-default', 'Ready');
    expect((await agent.hasEntry('by-route', 'Failed')).problems).toMatchObject([{ reason: 'NoParentRule' }]);
  });

  test('finds the NIC by pattern, alternative name, subnet and driver, and says what else it saw', async () => {
    await lab.ip('node', `link property add dev ${NIC} altname enx525400000001`);
    const agent = startAgent();
    const rules = {
      pattern: { namePattern: 'enp?s*' },
      alt: { altName: 'enx525400000001' },
      net: { subnet: '10.9.0.0/16', driver: 'veth' },
      none: { subnet: '10.10.0.0/16' },
      nothing: {},
    };
    for (const [name, rule] of Object.entries(rules)) {
      agent.putAttachment(attachmentOn('', { name, spec: { parents: [{ interface: rule }] } }));
    }
    for (const name of ['pattern', 'alt', 'net']) await agent.hasEntry(name, 'Ready');
    const [problem] = (await agent.hasEntry('none', 'Failed')).problems ?? [];
    expect(problem?.message).toBe(`No NIC has an address in 10.10.0.0/16. Seen: ${NIC} (${NIC_MAC}).`);
    await agent.hasEntry('nothing', 'Failed');
    expect(agent.status.interfaces).toMatchObject([
      { name: NIC, altNames: ['enx525400000001'], driver: 'veth', defaultRoutes: ['IPv4'], addresses: ['10.9.0.1/24'] },
    ]);
  });

  test('comes back when somebody takes it away', async () => {
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    await agent.hasEntry('lan', 'Ready');
    await lab.ip('node', `link property del dev ${NIC} altname mva-lan`);
    await isOn(NIC);
  });

  test('stays through a rename, and the state shows the new name', async () => {
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    const before = await agent.hasEntry('lan', 'Ready');
    await lab.ip('node', `link set ${NIC} name lan77`);
    await until('the new name', () => agent.entry('lan')?.interface === 'lan77');
    expect(agent.entry('lan')).toEqual({ ...before, interface: 'lan77' });
    expect(await carrierOf('mva-lan')).toBe('lan77');
  });

  test('moves when the spec names another NIC', async () => {
    await lab.ip('node', 'link add other type veth peer name far');
    await lab.ip('node', 'link set far up');
    await lab.ip('node', 'link set other up');
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    await agent.hasEntry('lan', 'Ready');
    agent.putAttachment(attachmentOn('other', { metadata: { generation: 2 } }));
    await isOn('other');
  });

  test('goes when the NIC goes, the state is not ready at once, and both come back with a new NIC', async () => {
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    await agent.hasEntry('lan', 'Ready');
    await lab.ip('node', `link del ${NIC}`);
    const failed = await agent.hasEntry('lan', 'Failed');
    expect(failed.problems).toMatchObject([{ reason: 'ParentMissing' }]);
    expect(failed.incarnation).toBeUndefined();
    await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
    await lab.ip('router', 'link set sw0 up');
    await lab.ip('node', `link set ${NIC} up`);
    await agent.hasEntry('lan', 'Ready');
    expect(await carrierOf('mva-lan')).toBe(NIC);
  });

  test('is not put on a NIC without carrier, and keeps to one that loses it', async () => {
    await lab.ip('router', 'link set sw0 down');
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    expect((await agent.hasEntry('lan', 'Failed')).problems).toMatchObject([{ reason: 'ParentDown' }]);
    expect(await carrierOf('mva-lan')).toBeUndefined();
    await lab.ip('router', 'link set sw0 up');
    await agent.hasEntry('lan', 'Ready');
    await lab.ip('router', 'link set sw0 down');
    await agent.hasEntry('lan', 'Failed');
    expect(await carrierOf('mva-lan')).toBe(NIC);
  });

  test('stays off while a CNI plugin is missing', async () => {
    const agent = startAgent();
    agent.send({ op: 'plugins', missing: ['dhcp'] });
    agent.putAttachment(attachmentOn(NIC));
    expect((await agent.hasEntry('lan', 'Failed')).problems).toMatchObject([{ reason: 'CniPluginMissing' }]);
    expect(await carrierOf('mva-lan')).toBeUndefined();
  });

  test('leaves a foreign link alone that has its name', async () => {
    await lab.ip('node', 'link add mva-lan type veth peer name far');
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    expect((await agent.hasEntry('lan', 'Failed')).problems).toMatchObject([{ reason: 'AliasTaken' }]);
    expect(await lab.show('node', 'link show dev mva-lan')).toHaveLength(1);
  });

  test('goes with the attachment, only ours, and the entry goes after it', async () => {
    await lab.ip('node', `link property add dev ${NIC} altname enx525400000001`);
    const before = await photograph(lab);
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC, { name: 'a-rather-long-name-of-an-attachment' }));
    await agent.hasEntry('a-rather-long-name-of-an-attachment', 'Ready');
    agent.removeAttachment('a-rather-long-name-of-an-attachment');
    await until('no entry', () => agent.status.attachments?.length === 0);
    expect(await photograph(lab)).toBe(before);
  });

  test('left behind by an earlier agent is taken away where nobody wants it any more', async () => {
    await lab.ip('node', `link property add dev ${NIC} altname mva-gone`);
    const state = nodeState('node-a', [nodeEntry({ name: 'gone' })]);
    const agent = startAgent({ objects: [{ kind: 'state', object: state }] });
    agent.putAttachment(attachmentOn(NIC));
    await agent.hasEntry('lan', 'Ready');
    await isOn(undefined, 'mva-gone');
  });

  test('stays when the agent stops, and the next agent keeps to the renamed NIC', async () => {
    const first = startAgent();
    first.putAttachment(attachmentOn(NIC));
    await first.hasEntry('lan', 'Ready');
    const { status } = first;
    await first.stop();
    await lab.ip('node', `link set ${NIC} name lan77`);
    expect(await carrierOf('mva-lan')).toBe('lan77');
    const state = { metadata: { name: 'node-a' }, status };
    const second = startAgent({
      objects: [
        { kind: 'state', object: state },
        { kind: 'attachment', object: attachmentOn(NIC) },
      ],
    });
    await until('the new name', () => second.entry('lan')?.interface === 'lan77');
    expect(second.entry('lan')?.phase).toBe('Ready');
  });
});
