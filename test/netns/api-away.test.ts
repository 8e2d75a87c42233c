// The API server is away: the node goes on without it. What an agent does that knows everything, and what one does that knows nothing.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ATTACHMENT, type MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import { useControlPlane } from '../support/control-plane.ts';
import { until } from '../support/until.ts';
import { attachmentOn } from './support/agent.ts';
import { AgentHost, type HostAgent } from './support/agent-host.ts';
import { NIC, NIC_MAC, NODE_IP, photograph, plugPod, ROUTER_IP } from './support/lan.ts';

/** How long it is away in the longest of these tests; `make soak` makes it minutes. */
const AWAY_MS = Number(process.env['API_AWAY_SECONDS'] ?? 15) * 1000;
jest.setTimeout(AWAY_MS + 120_000);

const ROUTED: MacvlanAttachment = attachmentOn(NIC, {
  metadata: { finalizers: [] },
  spec: { parents: [{ interface: { name: NIC } }], hostAccess: { type: 'Routed' }, ipam: { type: 'None' } },
});
const POD = { parent: 'mva-lan', ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };

const plane = useControlPlane();
let host: AgentHost;

beforeEach(async () => {
  host = await AgentHost.start(plane(), ['pod']);
  await host.admin.create(ATTACHMENT, ROUTED);
});

afterEach(() => host.stop());

async function working(): Promise<{ agent: HostAgent; shim: string }> {
  const agent = host.startAgent();
  await host.hasEntry('lan', 'Ready');
  await until('host access', async () => (await host.state())?.status?.attachments?.[0]?.hostAccess === 'Ready');
  return { agent, shim: (await host.state())?.status?.shims?.[0]?.name ?? '' };
}

const link = async (name: string) =>
  (
    await host.lab.show<{ ifindex: number; operstate: string; altnames?: string[] }>('node', `link show dev ${name}`)
  )[0];

async function isHealed(shim: string): Promise<void> {
  const before = (await link(shim))?.ifindex;
  await host.lab.ip('node', `link del ${shim}`);
  await until('a new shim', async () => {
    const now = await link(shim);
    return now !== undefined && now.ifindex !== before;
  });
}

const aways: Readonly<Record<string, () => Promise<void>>> = {
  'says nothing any more': async () => host.freezeApi(),
  'refuses every connection': () => host.refuseApi(),
};

describe.each(Object.keys(aways))('while the API server %s', (how) => {
  test('a node goes on: shims and aliases are healed, a NIC is replaced, pods attach', async () => {
    const { agent, shim } = await working();
    await aways[how]?.();
    const end = performance.now() + AWAY_MS;
    await isHealed(shim);
    await host.lab.ip('node', `link property del dev ${NIC} altname mva-lan`);
    await until('the alias again', async () => (await link(NIC))?.altnames?.includes('mva-lan') === true);
    await plugPod(host.lab, 'pod', POD);
    expect(await host.lab.pings('pod', ROUTER_IP)).toBe(true);

    await host.lab.ip('router', 'link del sw0');
    await host.lab.ip('router', `link add sw0 type veth peer name ${NIC} address ${NIC_MAC} netns node`);
    await host.lab.ip('router', `addr add ${ROUTER_IP}/24 dev sw0`);
    await host.lab.ip('router', 'link set sw0 up');
    await host.lab.ip('node', `addr add ${NODE_IP}/24 dev ${NIC}`);
    await host.lab.ip('node', `link set ${NIC} up`);
    await until('the alias on the new NIC', async () => (await link('mva-lan')) !== undefined);
    await until('the shim on the new NIC', async () => (await link(shim)) !== undefined);
    const index = (await link(NIC))?.ifindex;

    let heals = 0;
    while (performance.now() < end) {
      await isHealed(shim);
      heals += 1;
      // Not so often that it would be taken for somebody to give way to.
      await new Promise((resolve) => setTimeout(resolve, 2500));
    }
    expect(heals).toBeGreaterThan(0);
    expect(agent.hasEnded).toBe(false);
    expect(await agent.probe('/healthz')).toMatch(/^200 /);

    await host.restoreApi();
    await until(
      'the new NIC is told',
      async () => (await host.state())?.status?.attachments?.[0]?.ifindex === index,
      60_000,
    );
    await until('it is ready', async () => (await agent.probe('/readyz')).startsWith('200'), 60_000);
  });

  test('an agent that starts knows nothing, so it touches nothing; it goes on where the last one stopped', async () => {
    const { agent, shim } = await working();
    // The kernel takes a moment to tell.
    await until('the shim is settled', async () => (await link(shim))?.operstate === 'UP');
    await agent.end('SIGKILL');
    await aways[how]?.();
    const before = await photograph(host.lab);
    const next = host.startAgent();
    await until('it is alive', async () => (await next.probe('/healthz')).startsWith('200'));
    expect(await next.probe('/readyz')).toMatch(/^503 [\s\S]*not all watches are in sync/);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await photograph(host.lab)).toBe(before);
    // What is lost now stays lost until it is told again what is wanted.
    await host.lab.ip('node', `link del ${shim}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await link(shim)).toBeUndefined();
    expect(next.hasEnded).toBe(false);

    await host.restoreApi();
    await until('the shim', async () => (await link(shim)) !== undefined, 60_000);
    await until('it is ready', async () => (await next.probe('/readyz')).startsWith('200'), 60_000);
  });
});
