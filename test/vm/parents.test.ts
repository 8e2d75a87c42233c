// Parents of kinds that not every kernel has: VLANs, bonds, Wi-Fi, and network cards on a PCI bus. On Debian's kernel: make test-vm.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { MacvlanAttachmentSpec, ParentMatch } from '../../src/api/v1alpha1/attachment.ts';
import { attachmentOn, LabAgent, podOn } from '../netns/support/agent.ts';
import type { Lab } from '../netns/support/lab.ts';
import { NIC, NODE_IP, plugPod, ROUTER_IP, startLan } from '../netns/support/lan.ts';
import { plugNic, type Scene, type Standing, settles } from '../netns/support/standing.ts';
import { until } from '../support/until.ts';

jest.setTimeout(5 * 60_000);

const POD = { ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };
const MISSING = { alias: undefined, shim: undefined, state: 'Failed ParentMissing', label: 'off' } as const;
/** With a pod on it. */
const readyOn = (name: string): Standing => ({
  alias: name,
  shim: `${name} 1500`,
  state: 'Ready',
  label: 'on',
  pod: 'Reaches',
});

let lab: Lab;
let scene: Scene;
let agents: LabAgent[];

const node = (words: string) => lab.ip('node', words);
const router = (words: string) => lab.ip('router', words);

function lookFor(facts: ParentMatch, spec: Partial<MacvlanAttachmentSpec> = {}): void {
  const agent = LabAgent.start(lab, 'node');
  agents.push(agent);
  const init = { parents: [{ interface: facts }], hostAccess: { type: 'Routed' }, ...spec } as const;
  scene = { lab, agent, attachment: attachmentOn('', { spec: init }) };
  agent.putAttachment(scene.attachment);
}

async function attach(): Promise<void> {
  await scene.agent.hasEntry('lan', 'Ready');
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  scene.agent.putPod(podOn('web', POD));
}

/** The first problem of the attachment that was refused. */
async function refusal(): Promise<string> {
  const { problems = [] } = await scene.agent.hasEntry('lan', 'Failed').catch((error: unknown) => {
    throw new Error(`not refused, but ${JSON.stringify(scene.agent.status)}`, { cause: error });
  });
  return `${problems[0]?.reason}: ${problems[0]?.message}`;
}

/** Takes the addresses off what startLan gave them to. */
async function bare(): Promise<void> {
  await node(`addr flush dev ${NIC}`);
  await router('addr flush dev sw0');
}

beforeAll(() => {
  if (process.env['MACVLAN_VM'] === undefined) throw new Error('these tests are about another kernel: make test-vm');
});

beforeEach(async () => {
  agents = [];
  lab = await startLan(['pod']);
});

afterEach(async () => {
  for (const agent of agents) await agent.stop();
  await lab.stop();
});

describe('a VLAN', () => {
  const VLAN = `${NIC}.20`;

  const addTo = async (namespace: string, link: string, ip: string) => {
    await lab.ip(namespace, `link add link ${link} name ${link}.20 type vlan id 20`);
    await lab.ip(namespace, `addr add ${ip}/24 dev ${link}.20`);
    await lab.ip(namespace, `link set ${link}.20 up`);
  };

  beforeEach(async () => {
    await bare();
    await addTo('router', 'sw0', ROUTER_IP);
    await addTo('node', NIC, NODE_IP);
  });

  test.each<ParentMatch>([{ name: VLAN }, { driver: 'vlan' }, { subnet: '10.9.0.0/24' }])(
    'is found by %j, and pods and the node reach each other through it',
    async (facts) => {
      lookFor(facts);
      await attach();
      await settles(scene, readyOn(VLAN));
      await until('the node reaches the pod', () => lab.pings('node', POD.ip));
    },
  );

  test('is missed when it is gone, and taken when it is made anew', async () => {
    lookFor({ name: VLAN });
    await attach();
    await node(`link del ${VLAN}`);
    await settles(scene, { ...MISSING, pod: 'Gone' });
    await addTo('node', NIC, NODE_IP);
    await attach();
    await settles(scene, readyOn(VLAN));
  });

  test('goes down and up with the NIC below it', async () => {
    lookFor({ name: VLAN });
    await attach();
    await settles(scene, readyOn(VLAN));
    await router('link set sw0 down');
    await until('it is told', () => scene.agent.entry('lan')?.problems?.[0]?.reason === 'ParentDown');
    await router('link set sw0 up');
    await settles(scene, readyOn(VLAN));
  });
});

describe('a bond', () => {
  const SECOND = 'enp4s0';

  /** Two cables to one bridge of the router. */
  async function bond(mode: string): Promise<void> {
    await bare();
    await plugNic(lab, { name: SECOND, mac: '52:54:00:00:00:02', port: 'sw1' });
    await router('link add br0 type bridge');
    for (const port of ['sw0', 'sw1']) await router(`link set ${port} master br0`);
    await router(`addr add ${ROUTER_IP}/24 dev br0`);
    await router('link set br0 up');
    await node(`link add bond0 type bond mode ${mode} miimon 50`);
    await node(`addr add ${NODE_IP}/24 dev bond0`);
    await join();
  }

  async function join(): Promise<void> {
    for (const port of [NIC, SECOND]) {
      await node(`link set ${port} down`);
      await node(`link set ${port} master bond0`);
    }
    await node('link set bond0 up');
  }

  test.each(['active-backup', 'balance-xor'])(
    'of mode %s carries pods, over one port as over the other',
    async (mode) => {
      await bond(mode);
      lookFor({ driver: 'bond' });
      await attach();
      await settles(scene, readyOn('bond0'));
      await router('link set sw0 down');
      await settles(scene, readyOn('bond0'));
      await router('link set sw0 up');
      await until('the first port is back', async () => (await node(`link show ${NIC}`)).includes('LOWER_UP'));
      await router('link set sw1 down');
      await settles(scene, readyOn('bond0'));
    },
  );

  test('without any port that is up is down', async () => {
    await bond('active-backup');
    lookFor({ name: 'bond0' });
    await attach();
    await router('link set sw0 down');
    await router('link set sw1 down');
    expect(await refusal()).toContain('ParentDown');
  });

  test.each(['balance-tlb', 'balance-alb'])(
    'of mode %s is refused, and so is a VLAN on it, until its mode is another',
    async (mode) => {
      await bond(mode);
      lookFor({ name: 'bond0' });
      expect(await refusal()).toContain(`BondModeUnsuitable: bond0 is a bond of mode ${mode}`);
      await node('link add link bond0 name bond0.20 type vlan id 20');
      await node('link set bond0.20 up');
      await scene.agent.stop();
      lookFor({ name: 'bond0.20' });
      expect(await refusal()).toContain(`BondModeUnsuitable: bond0 is a bond of mode ${mode}`);
      await node('link set bond0 down');
      for (const port of [NIC, SECOND]) await node(`link set ${port} nomaster`);
      await node('link set bond0 type bond mode active-backup');
      await join();
      await node('link set bond0.20 up');
      await scene.agent.hasEntry('lan', 'Ready');
    },
  );

  test('is to be named in place of its ports', async () => {
    await bond('active-backup');
    lookFor({ name: NIC });
    expect(await refusal()).toBe(`ParentUnsuitable: ${NIC} is a port of bond0.`);
  });
});

describe('what is no way to a LAN is refused:', () => {
  test('a dummy', async () => {
    await node('link add dummy7 type dummy');
    await node('link set dummy7 up');
    lookFor({ name: 'dummy7' });
    expect(await refusal()).toContain('ParentUnsuitable: dummy7 does no ARP');
  });

  test('a wireless NIC', async () => {
    await inNamespace('node', (pid) => execFileSync('iw', ['phy', 'phy0', 'set', 'netns', pid]));
    await node('link set wlan0 up');
    lookFor({ name: 'wlan0' });
    expect(await refusal()).toContain('ParentWireless: wlan0 is a wireless NIC');
  });
});

describe('a network card', () => {
  const SLOT = '0000:00:10.0';
  const CARD = { mac: '52:54:00:5e:00:01', name: 'lan0', ip: NODE_IP };

  /** Plugs a card that has come to the machine in, with an address. */
  async function plugCard(namespace: string, card: { mac: string; name: string; ip: string }): Promise<void> {
    const { mac, name, ip } = card;
    const found = await until('the card', () => nameOf(mac));
    await inNamespace(namespace, (pid) => execFileSync('ip', ['link', 'set', found, 'netns', pid, 'name', name]));
    await lab.ip(namespace, `addr add ${ip}/24 dev ${name}`);
    await lab.ip(namespace, `link set ${name} up`);
  }

  test('is found by where it is plugged in, warned of if it may filter, and found again when it was taken out and put back', async () => {
    await bare();
    await plugCard('router', { mac: '52:54:00:5e:00:02', name: 'lan1', ip: ROUTER_IP });
    await plugCard('node', CARD);

    lookFor({ pciAddress: SLOT });
    await attach();
    const said = scene.agent.entry('lan')?.problems?.map(({ reason }) => reason);
    expect(said).toEqual(['MacFilteringLikely']);
    const first = scene.agent.entry('lan')?.incarnation;
    writeFileSync(`/sys/bus/pci/devices/${SLOT}/remove`, '1');
    await settles(scene, { ...MISSING, pod: 'Gone' });
    writeFileSync('/sys/bus/pci/rescan', '1');
    await plugCard('node', CARD);
    await attach();
    await until('it is another device', () => scene.agent.entry('lan')?.incarnation !== first);
    await until('the router answers', () => lab.pings('pod', ROUTER_IP));
  });
});

/** Moves something of the machine into a namespace of the lab, which the kernel knows by a process that is in there. */
async function inNamespace(namespace: string, move: (pid: string) => void): Promise<void> {
  const inside = lab.spawn(namespace, ['sleep', '600']);
  await until('it is in there', () => readFileSync(`/proc/${inside.pid}/comm`, 'utf8').trim() === 'sleep');
  move(String(inside.pid));
  inside.kill();
}

/** A link of the machine's own namespace, by its MAC address. */
function nameOf(mac: string): string | undefined {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as {
    ifname: string;
    address?: string;
  }[];
  return links.find((link) => link.address === mac)?.ifname;
}
