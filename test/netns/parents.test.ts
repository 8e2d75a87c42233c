// What becomes of a parent, row by row of docs/reference/parents.md: each title is a row there. What the alias and the shim do
// besides is in alias.test.ts and shim.test.ts.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { MacvlanAttachmentSpec, ParentMatch } from '../../src/api/v1alpha1/attachment.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent, podOn } from './support/agent.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NIC_MAC, plugPod, startLan } from './support/lan.ts';
import { plugNic, type Scene, type Standing, settles, watchAlias } from './support/standing.ts';

jest.setTimeout(60_000);

const POD = { ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };
const OTHER_MAC = '52:54:00:00:00:02';

const READY: Standing = { alias: NIC, shim: `${NIC} 1500`, state: 'Ready', label: 'on', pod: 'Reaches' };
const MISSING: Standing = {
  alias: undefined,
  shim: undefined,
  state: 'Failed ParentMissing',
  label: 'off',
  pod: 'Gone',
};

let lab: Lab;
let scene: Scene;
let carriers: () => Promise<readonly string[]>;
const agents: LabAgent[] = [];

function startAgent(init?: Parameters<typeof LabAgent.start>[2]): LabAgent {
  const agent = LabAgent.start(lab, 'node', init);
  agents.push(agent);
  return agent;
}

/** An agent that looks for the NIC by these facts. */
function lookFor(facts: ParentMatch = { name: NIC }, spec: Partial<MacvlanAttachmentSpec> = {}): void {
  const init = { parents: [{ interface: facts }], hostAccess: { type: 'Routed' }, ...spec } as const;
  scene = { lab, agent: startAgent(), attachment: attachmentOn('', { spec: init }) };
  scene.agent.putAttachment(scene.attachment);
}

/** The same, ready, with a pod that was attached through the alias. */
async function attached(facts?: ParentMatch, spec?: Partial<MacvlanAttachmentSpec>): Promise<void> {
  lookFor(facts, spec);
  await scene.agent.hasEntry('lan', 'Ready');
  await attach();
  await settles(scene, READY);
}

async function attach(): Promise<void> {
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  scene.agent.putPod(podOn('web', POD));
}

/** Pods that start now get their link through the alias. */
async function attachesAnew(): Promise<void> {
  await lab.ip('pod', 'link del net1').catch(() => undefined);
  await attach();
}

const node = (words: string) => lab.ip('node', words);
const router = (words: string) => lab.ip('router', words);

beforeEach(async () => {
  lab = await startLan(['pod', 'elsewhere']);
  carriers = await watchAlias(lab);
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await lab.stop();
});

describe('after this event', () => {
  test('the NIC is missing', async () => {
    lookFor({ name: 'lan0' });
    await settles(scene, MISSING);
    expect(scene.agent.entry('lan')?.problems?.[0]?.message).toBe(
      `No NIC has the name lan0. Seen: ${NIC} (${NIC_MAC}).`,
    );
    expect(await carriers()).toEqual([]);
  });

  test('more than one NIC matches', async () => {
    await plugNic(lab, { name: 'enp4s0', mac: OTHER_MAC, port: 'sw1' });
    lookFor({ namePattern: 'enp*' });
    await settles(scene, { ...MISSING, state: 'Failed ParentAmbiguous' });
    expect(await carriers()).toEqual([]);
    await node('link del enp4s0');
    await settles(scene, { ...READY, pod: 'Gone' });
  });

  test('another NIC that matches too appears later', async () => {
    await attached({ namePattern: 'enp*' });
    await plugNic(lab, { name: 'enp0s0', mac: OTHER_MAC, port: 'sw1' });
    await until('the NIC is seen', () => scene.agent.status.interfaces?.length === 2);
    await settles(scene, READY);
    expect(await carriers()).toEqual([NIC_MAC]);
  });

  test('the NIC appears late', async () => {
    await node(`link del ${NIC}`);
    lookFor();
    await settles(scene, MISSING);
    await plugNic(lab);
    await settles(scene, { ...READY, pod: 'Gone' });
    await attachesAnew();
    await settles(scene, READY);
  });

  test('the NIC is renamed while it is up, with pods on it', async () => {
    await attached();
    const { incarnation } = scene.agent.entry('lan') ?? {};
    await node(`link set ${NIC} name lan77`);
    const renamed = { ...READY, alias: 'lan77', shim: 'lan77 1500' };
    await settles(scene, renamed);
    expect(scene.agent.entry('lan')).toMatchObject({ interface: 'lan77', incarnation });
    await attachesAnew();
    await settles(scene, renamed);
    expect(await carriers()).toEqual([NIC_MAC]);
  });

  test('another NIC takes the name that the renamed one had', async () => {
    await attached();
    await node(`link set ${NIC} name lan77`);
    await plugNic(lab, { mac: OTHER_MAC, port: 'sw1' });
    await until('the NIC is seen', () => scene.agent.status.interfaces?.length === 2);
    await settles(scene, { ...READY, alias: 'lan77', shim: 'lan77 1500' });
    expect(await carriers()).toEqual([NIC_MAC]);
  });

  test('the MAC address of the NIC is changed', async () => {
    await attached({ mac: NIC_MAC });
    await node(`link set ${NIC} address ${OTHER_MAC}`);
    await until('the address is seen', () => scene.agent.status.interfaces?.[0]?.mac === OTHER_MAC);
    await settles(scene, READY);
  });

  test('the NIC is moved to another network namespace', async () => {
    await attached();
    await node(`link set ${NIC} netns elsewhere`);
    await settles(scene, { ...MISSING, pod: 'Silent' });
  });

  test('it comes back from there', async () => {
    await attached();
    await node(`link set ${NIC} netns elsewhere`);
    await settles(scene, { ...MISSING, pod: 'Silent' });
    await lab.ip('elsewhere', `link set ${NIC} netns node`);
    await settles(scene, { ...MISSING, alias: NIC, shim: `${NIC} 1500`, state: 'Failed ParentDown', pod: 'Silent' });
    await node(`addr add 10.9.0.1/24 dev ${NIC}`);
    await node(`link set ${NIC} up`);
    await settles(scene, READY);
  });

  test('the NIC is deleted', async () => {
    await attached();
    await node(`link del ${NIC}`);
    await settles(scene, MISSING);
    expect(scene.agent.entry('lan')?.incarnation).toBeUndefined();
  });

  test('another NIC comes, with the same name and another MAC address', async () => {
    await attached();
    const { incarnation } = scene.agent.entry('lan') ?? {};
    await node(`link del ${NIC}`);
    await plugNic(lab, { mac: OTHER_MAC });
    await settles(scene, { ...READY, pod: 'Gone' });
    expect(scene.agent.entry('lan')?.incarnation).not.toBe(incarnation);
    expect(await carriers()).toEqual([NIC_MAC, OTHER_MAC]);
    await attachesAnew();
    await settles(scene, READY);
  });

  test('the same, and the rule names the MAC address', async () => {
    await attached({ name: NIC, mac: NIC_MAC });
    await node(`link del ${NIC}`);
    await plugNic(lab, { mac: OTHER_MAC });
    await until('the NIC is seen', () => scene.agent.status.interfaces?.[0]?.mac === OTHER_MAC);
    await settles(scene, MISSING);
    expect(await carriers()).toEqual([NIC_MAC]);
  });

  test('another NIC comes, with another name and the same MAC address', async () => {
    await attached({ mac: NIC_MAC });
    await node(`link del ${NIC}`);
    await plugNic(lab, { name: 'lan0' });
    await settles(scene, { ...READY, alias: 'lan0', shim: 'lan0 1500', pod: 'Gone' });
    await attachesAnew();
    await settles(scene, { ...READY, alias: 'lan0', shim: 'lan0 1500' });
  });

  test('the same, and the rule names the name', async () => {
    await attached({ name: NIC });
    await node(`link del ${NIC}`);
    await plugNic(lab, { name: 'lan0' });
    await until('the NIC is seen', () => scene.agent.status.interfaces?.[0]?.name === 'lan0');
    await settles(scene, MISSING);
  });

  test('the NIC is switched off', async () => {
    await attached();
    await node(`link set ${NIC} down`);
    await settles(scene, { ...READY, state: 'Failed ParentDown', label: 'off', pod: 'Silent' });
  });

  test('it is switched on again', async () => {
    await attached();
    await node(`link set ${NIC} down`);
    await scene.agent.hasEntry('lan', 'Failed');
    await node(`link set ${NIC} up`);
    await settles(scene, READY);
    const shim = scene.agent.status.shims?.[0]?.name ?? '';
    await until('the route', async () => (await lab.show('node', `route show dev ${shim}`))[0]?.['dst'] === POD.ip);
  });

  test('the MTU of the NIC is lowered', async () => {
    await attached();
    await node(`link set ${NIC} mtu 1400`);
    await settles(scene, { ...READY, shim: `${NIC} 1400` });
    expect(await lab.show('pod', 'link show dev net1')).toMatchObject([{ mtu: 1400 }]);
  });

  test('it is raised again', async () => {
    await attached();
    await node(`link set ${NIC} mtu 1400`);
    await settles(scene, { ...READY, shim: `${NIC} 1400` });
    await node(`link set ${NIC} mtu 1500`);
    await settles(scene, READY);
    expect(await lab.show('pod', 'link show dev net1')).toMatchObject([{ mtu: 1400 }]);
  });

  test('the MTU of the NIC is lowered below that of the attachment', async () => {
    await attached({ name: NIC }, { mtu: 1450 });
    await node(`link set ${NIC} mtu 1400`);
    await settles(scene, { ...READY, shim: `${NIC} 1400`, state: 'Failed MtuTooLarge', label: 'off' });
    await node(`link set ${NIC} mtu 1450`);
    await settles(scene, { ...READY, shim: `${NIC} 1450` });
  });

  test('the node is booted anew', async () => {
    await attached();
    await node(`link set ${NIC} name lan77`);
    await until('the new name', () => scene.agent.entry('lan')?.interface === 'lan77');
    const { status } = scene.agent;
    await scene.agent.stop();
    // What a boot leaves: NICs with other indexes and names, none of our links and aliases, and the state of the boot before.
    await lab.ip('pod', 'link del net1');
    await node(`link del ${status.shims?.[0]?.name}`);
    await node('link property del dev lan77 altname mva-lan');
    await router('addr flush dev sw0');
    await plugNic(lab, { mac: OTHER_MAC, port: 'sw1' });
    const agentBefore = { version: status.agent?.version ?? '', bootId: '00000000-0000-4000-8000-000000000000' };
    const state = { metadata: { name: 'node-a' }, status: { ...status, agent: agentBefore } };
    const before = await carriers();
    carriers = await watchAlias(lab);
    const agent = startAgent({
      objects: [
        { kind: 'state', object: state },
        { kind: 'attachment', object: scene.attachment },
      ],
    });
    scene = { ...scene, agent };
    await settles(scene, { ...READY, pod: 'Gone' });
    const { bootId } = agent.status.agent ?? {};
    expect(agent.entry('lan')?.incarnation).toBe(`${bootId}/${agent.entry('lan')?.ifindex}`);
    expect([before, await carriers()]).toEqual([[NIC_MAC], [OTHER_MAC]]);
  });

  test('the carrier flaps', async () => {
    await attached();
    const { incarnation } = scene.agent.entry('lan') ?? {};
    const [shim] = scene.agent.status.shims ?? [];
    for (let i = 0; i < 20; i++) {
      await router('link set sw0 down');
      await router('link set sw0 up');
    }
    await settles(scene, READY);
    expect(scene.agent.entry('lan')?.incarnation).toBe(incarnation);
    expect(scene.agent.status.shims).toEqual([shim]);
    expect(await carriers()).toEqual([NIC_MAC]);
  });

  test('a VPN takes the default route', async () => {
    await attached({ defaultRoute: 'IPv4' });
    await plugNic(lab, { name: 'vpn0', mac: OTHER_MAC, port: 'sw1' });
    await node('addr add 10.66.0.2/24 dev vpn0');
    await node('route replace default via 10.66.0.1');
    await until('the route is seen', () =>
      scene.agent.status.interfaces?.some((nic) => nic.name === 'vpn0' && nic.defaultRoutes?.includes('IPv4')),
    );
    await settles(scene, READY);
    expect(await carriers()).toEqual([NIC_MAC]);
  });

  test('the NIC becomes a port of a bridge', async () => {
    lookFor({ name: NIC }, { hostAccess: { type: 'None' } });
    await settles(scene, { ...READY, shim: undefined, pod: 'Gone' });
    await node('link add br0 type bridge');
    await node(`link set ${NIC} master br0`);
    await settles(scene, { ...MISSING, state: 'Failed ParentUnsuitable' });
  });
});
