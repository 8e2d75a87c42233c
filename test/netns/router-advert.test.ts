// Routers on the LAN advertise themselves: the shim takes nothing from them, and the node keeps what it took.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import type { LabAgent } from './support/agent.ts';
import { ipv6PartsOf, NOTHING, POD, POD_IP6, podWith, startDualStack, WHOLE } from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC, plugPod } from './support/lan.ts';
import { advertise } from './support/router.ts';

jest.setTimeout(120_000);

/** A router that starts takes its time before it speaks. In milliseconds. */
const PATIENCE_MS = 45_000;

const PREFIX = '2001:db8:9:';

interface DefaultRoute {
  readonly dev: string;
  readonly metric: number;
  readonly protocol: string;
  readonly expires?: number;
}

let lab: Lab;
let agent: LabAgent;

beforeEach(async () => {
  ({ lab, agent } = await startDualStack(['pod']));
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

const defaultRoutes = () => lab.show<DefaultRoute>('node', '-6 route show default');

async function nodeHasTaken(): Promise<void> {
  await lab.ip('router', `-6 addr add ${PREFIX}:fe/64 dev sw0 nodad`);
  await until('the node has an address', async () =>
    (await lab.ip('node', `-6 addr show dev ${NIC}`)).includes(PREFIX),
  );
  await until('the node has a default route', async () => (await defaultRoutes()).length > 0, PATIENCE_MS);
}

describe('router advertisements', () => {
  test('give a shim neither address nor route, and an IPv4-only shim does not answer with a single frame', async () => {
    const [{ name: shim, mac } = { name: '', mac: '' }] = agent.status.shims ?? [];
    await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
    agent.putPod(podWith([POD.ip]));
    await until('the pod has its route', async () => (await lab.show('node', `route show dev ${shim}`)).length === 1);
    const stopSniffing = await lab.sniff('router', 'sw0');
    // Every route that came or went, so that none can hide between two looks.
    const monitor = lab.spawn('node', ['ip', '-6', 'monitor', 'route']);
    let routes = '';
    monitor.stdout?.on('data', (chunk: Buffer) => {
      routes += chunk.toString();
    });
    const stop = advertise(lab, PREFIX, 4);
    await nodeHasTaken();
    await lab.pings('node', POD.ip);
    expect(await ipv6PartsOf(lab, shim)).toEqual(NOTHING);
    expect((await defaultRoutes()).map(({ dev }) => dev)).toEqual([NIC]);
    stop();
    monitor.kill('SIGTERM');
    expect(routes).toContain(`default via`);
    expect(routes).not.toContain(shim);
    expect((await stopSniffing()).filter((frame) => frame.src === mac)).toEqual([]);
  });

  test('reach the node as before once a shim has begun to answer, which makes the kernel forget the router', async () => {
    const [{ name: shim } = { name: '' }] = agent.status.shims ?? [];
    // One advertisement now, and the next when the router is started again.
    const stop = advertise(lab, PREFIX, 1800);
    await nodeHasTaken();
    stop();
    expect(await defaultRoutes()).toMatchObject([{ dev: NIC, metric: 1024, protocol: 'ra' }]);
    await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
    await lab.ip('pod', `-6 addr add ${POD_IP6}/64 dev net1 nodad`);
    agent.putPod(podWith([POD.ip, POD_IP6]));
    const isWhole = async () => (await ipv6PartsOf(lab, shim)).forwarding === '1';
    await until('the shim answers', isWhole);
    await until('a substitute', async () => (await defaultRoutes()).length === 1);
    const [bridged] = await defaultRoutes();
    expect(bridged).toMatchObject({ dev: NIC, metric: 1025 });
    expect(bridged?.expires).toBeGreaterThan(1700);
    expect(bridged?.expires).toBeLessThanOrEqual(1800);
    const stopAgain = advertise(lab, PREFIX, 1800);
    await until(
      'the router is known again',
      async () => (await defaultRoutes()).some(({ metric }) => metric === 1024),
      PATIENCE_MS,
    );
    stopAgain();
    expect(await defaultRoutes()).toMatchObject([
      { dev: NIC, protocol: 'ra' },
      { dev: NIC, metric: 1025 },
    ]);
    expect(await ipv6PartsOf(lab, shim)).toEqual(WHOLE);
  });
});
