// Ten thousand link events at once, more than the kernel keeps for anybody: the agent is told that it missed some, and is right again.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { POD } from '../../src/api/kube.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import { useControlPlane } from '../support/control-plane.ts';
import { metricSum } from '../support/metrics-text.ts';
import { until } from '../support/until.ts';
import { attachmentOn, podOn } from './support/agent.ts';
import { AgentHost, type HostAgent } from './support/agent-host.ts';
import { NIC, NIC_MAC, NODE_IP, plugPod, ROUTER_IP } from './support/lan.ts';

jest.setTimeout(300_000);

const ROUTED: MacvlanAttachment = attachmentOn(NIC, {
  metadata: { finalizers: [] },
  spec: { parents: [{ interface: { name: NIC } }], hostAccess: { type: 'Routed' }, ipam: { type: 'None' } },
});
const POD_LINK = { ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };
/** Links that come, get another name eighteen times each, and go: as many events as there are lines, and one per deletion. */
const LINKS = 500;
const RENAMES = 18;
const LOST = 'macvlan_agent_kernel_events_lost_total';

const plane = useControlPlane();
let host: AgentHost;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'storm-'));
  host = await AgentHost.start(plane(), ['pod']);
  await host.admin.create(ATTACHMENT, ROUTED);
});

afterEach(async () => {
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** As fast as ip(8) can: half a thousand bridges, their names changed round by round, all deleted in one go. */
async function storm(): Promise<void> {
  const links = Array.from({ length: LINKS }, (_, i) => i);
  const lines = [
    ...links.map((i) => `link add s${i}x0 group 77 type bridge`),
    ...Array.from({ length: RENAMES }, (_, round) =>
      links.map((i) => `link set s${i}x${round} name s${i}x${round + 1}`),
    ).flat(),
  ];
  writeFileSync(join(folder, 'batch'), `${lines.join('\n')}\n`);
  await host.lab.ip('node', `-batch ${join(folder, 'batch')}`);
  await host.lab.ip('node', 'link del group 77');
}

interface LinkView {
  readonly ifname: string;
  readonly ifindex: number;
  readonly address: string;
  readonly altnames?: readonly string[];
}

/** An agent with a pod that its node reaches. */
async function working(): Promise<{ agent: HostAgent; shim: string }> {
  const agent = host.startAgent();
  await host.hasEntry('lan', 'Ready');
  await plugPod(host.lab, 'pod', { parent: 'mva-lan', ...POD_LINK });
  const { annotations } = podOn('web', POD_LINK).metadata;
  const made = await host.admin.create(POD, {
    metadata: { name: 'web', namespace: 'home', ...(annotations === undefined ? {} : { annotations }) },
    spec: { nodeName: 'node-a', containers: [{ name: 'web', image: 'none' }] },
  });
  host.remember('web', made.metadata.uid ?? '', { netns: '/run/netns/pod', ...POD_LINK });
  await until('the shim', async () => (await host.state())?.status?.shims?.length === 1);
  const shim = (await host.state())?.status?.shims?.[0]?.name ?? '';
  await touch();
  await until('the route to the pod', async () => (await routes(shim)).length === 1);
  return { agent, shim };
}

const routes = (shim: string) => host.lab.show<{ dst: string }>('node', `route show dev ${shim}`);

/** Whatever changes about a pod makes the agent look at it. */
async function touch(): Promise<void> {
  const key = { namespace: 'home', name: 'web' };
  await host.admin.mergePatch(POD, key, { metadata: { labels: { touched: String(performance.now()).slice(0, 12) } } });
}

/** All is as it should be, in the kernel and in what is told. */
async function isRight(shim: string): Promise<boolean> {
  const links = await host.lab.show<LinkView>('node', 'link');
  const nic = links.find((link) => link.ifname === NIC);
  const [entry, ...more] = (await host.state())?.status?.attachments ?? [];
  return (
    nic?.altnames?.includes('mva-lan') === true &&
    links.some((link) => link.ifname === shim) &&
    (await routes(shim)).some((route) => route.dst === POD_LINK.ip) &&
    entry?.phase === 'Ready' &&
    entry.hostAccess === 'Ready' &&
    entry.ifindex === nic.ifindex &&
    more.length === 0 &&
    // Of the passers-by nothing is left in what is told.
    (await host.state())?.status?.interfaces?.every(({ name }) => !name.startsWith('s')) === true
  );
}

test('ten thousand link events while the agent listens: all is right afterwards', async () => {
  const { agent, shim } = await working();
  await storm();
  await host.lab.ip('node', `link del ${shim}`);
  await until('all is right', () => isRight(shim), 60_000);
  expect(await host.lab.pings('node', POD_LINK.ip)).toBe(true);
  expect(agent.hasEnded).toBe(false);
  expect(agent.said('"level":50')).toBe(0);
});

test('events that were lost, and what happened meanwhile: shim, alias and route are put back, and the NIC is another', async () => {
  const { agent, shim } = await working();
  expect(metricSum(await agent.metrics(), LOST)).toBe(0);
  // Nobody reads, so the kernel has to throw away for sure.
  agent.suspend();
  await host.lab.ip('node', `route del ${POD_LINK.ip} dev ${shim}`);
  await storm();
  // Among what nobody will ever hear of:
  await host.lab.ip('node', `link del ${shim}`);
  await host.lab.ip('node', `link property del dev ${NIC} altname mva-lan`);
  await host.lab.ip('router', 'link del sw0');
  await host.lab.ip('router', `link add sw0 type veth peer name ${NIC} address ${NIC_MAC} netns node`);
  await host.lab.ip('router', `addr add ${ROUTER_IP}/24 dev sw0`);
  await host.lab.ip('router', 'link set sw0 up');
  await host.lab.ip('node', `addr add ${NODE_IP}/24 dev ${NIC}`);
  await host.lab.ip('node', `link set ${NIC} up`);
  expect(await host.lab.droppedEvents('node')).toBeGreaterThan(0);
  agent.resume();
  await until('the loss is counted', async () => metricSum(await agent.metrics(), LOST) > 0);
  await until('the NIC is told', async () => {
    const [nic] = await host.lab.show<LinkView>('node', `link show dev ${NIC}`);
    return (await host.state())?.status?.attachments?.[0]?.ifindex === nic?.ifindex;
  });
  // The pod's link went with the old NIC; plugged anew, it has its route.
  await plugPod(host.lab, 'pod', { parent: 'mva-lan', ...POD_LINK });
  await touch();
  await until('all is right', () => isRight(shim), 90_000);
  expect(await host.lab.pings('node', POD_LINK.ip)).toBe(true);
  expect(agent.hasEnded).toBe(false);
});
