// The golden NADs, read by those who have to understand them: the real CNI plugins, on a real parent, with a real DHCP server.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { CniNetwork, type PodWish, startDhcp } from './support/cni.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';

jest.setTimeout(120_000);

interface Plugin {
  readonly type: string;
  readonly mode?: string;
  readonly mtu?: number;
  readonly ipam?: {
    readonly daemonSocketPath?: string;
    readonly type: string;
    readonly routes?: readonly { readonly dst: string }[];
    readonly dns?: object;
  };
}

interface Config {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly [Plugin, ...Plugin[]];
}

interface PodLink {
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly linkinfo: { readonly info_kind: string; readonly info_data: { readonly mode: string } };
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

const FOLDER = join(import.meta.dirname, '../golden/network-definition');
const MAC = '02:4d:00:00:00:07';
const IPS = ['192.0.2.101/24', '2001:db8::101/64'];
const DHCP_RANGE = ['10.9.0.100', '10.9.0.150'] as const;

let lab: Lab;
const open: CniNetwork[] = [];

function goldenConfig(name: string): Config {
  return (JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as { config: Config }).config;
}

async function network(config: Config): Promise<CniNetwork> {
  const opened = await CniNetwork.open(lab, config);
  open.push(opened);
  return opened;
}

async function podLink(): Promise<PodLink | undefined> {
  const [link] = await lab.show<PodLink>('pod', 'addr show dev net1');
  return link;
}

/** What the pod asks for: an address only where it is the pod who brings it; in mode passthru it has the parent's MAC. */
function wishFor({ plugins: [{ mode, ipam }] }: Config): PodWish {
  return { ...(mode === 'passthru' ? {} : { mac: MAC }), ...(ipam?.type === 'static' ? { ips: IPS } : {}) };
}

beforeEach(async () => {
  lab = await startLan(['pod']);
  await lab.ip('router', 'link set sw0 mtu 9000');
  await lab.ip('node', `link set ${NIC} mtu 9000`);
  await lab.ip('node', `link property add dev ${NIC} altname mva-lan`);
});

afterEach(async () => {
  for (const opened of open.splice(0)) opened.close();
  await lab.stop();
});

const files = readdirSync(FOLDER).sort();
const isDhcp = (file: string) => goldenConfig(file).plugins[0].ipam?.type === 'dhcp';

describe('ADD, CHECK and DEL go through for', () => {
  test.each(files.filter((file) => !isDhcp(file)))('%s', async (file) => {
    await goThrough(goldenConfig(file));
  });
});

describe('ADD, CHECK and DEL go through, with a DHCP server and the daemon, for', () => {
  test.each(files.filter(isDhcp))('%s', async (file) => {
    const config = goldenConfig(file);
    const socket = config.plugins[0].ipam?.daemonSocketPath ?? '/run/cni/dhcp.sock';
    const stopDhcp = await startDhcp(lab, DHCP_RANGE, socket);
    try {
      await daemonListens(socket);
      await goThrough(config);
    } finally {
      await stopDhcp();
    }
  });
});

async function daemonListens(socket: string): Promise<void> {
  const listens = () =>
    lab.exec('node', ['test', '-S', socket]).then(
      () => true,
      () => false,
    );
  await until('the DHCP daemon listens', listens);
}

async function goThrough(config: Config): Promise<void> {
  const cni = await network(config);
  const wish = wishFor(config);
  const [macvlan] = config.plugins;
  const result = await cni.add('pod', wish);
  expect(result.cniVersion).toBe(config.cniVersion);

  const link = await podLink();
  expect(link?.linkinfo).toMatchObject({ info_kind: 'macvlan', info_data: { mode: macvlan.mode } });
  expect(link?.flags).toContain('UP');
  expect(link?.mtu).toBe(config.plugins.find((plugin) => plugin.mtu !== undefined)?.mtu ?? 9000);
  if (wish.mac !== undefined) expect(link?.address).toBe(wish.mac);
  const addresses = (link?.addr_info ?? []).filter((a) => a.scope === 'global').map((a) => `${a.local}/${a.prefixlen}`);
  expect(addresses.sort()).toEqual((result.ips ?? []).map((ip) => ip.address).sort());
  expect(addresses.length > 0).toBe(macvlan.ipam !== undefined);
  if (wish.ips !== undefined) expect(addresses.sort()).toEqual([...wish.ips].sort());
  const routes = (result.routes ?? []).map((route) => route.dst);
  expect(routes).toEqual(expect.arrayContaining((macvlan.ipam?.routes ?? []).map((route) => route.dst)));

  const check = await cni.call('check', 'pod', wish);
  const reason = whyCheckFails(config);
  if (reason === undefined) expect(check).toMatchObject({ code: 0, stdout: '' });
  else expect(check.stdout).toContain(reason);

  expect(await cni.call('del', 'pod', wish)).toMatchObject({ code: 0 });
  expect(await podLink()).toBeUndefined();
}

/** What CHECK says where it cannot say yes; nobody calls it but people, runtimes do not. */
function whyCheckFails({ cniVersion, plugins }: Config): string | undefined {
  // The verb came with 0.4.0; the error is libcni's own, before any plugin is asked.
  if (cniVersion === '0.3.1') return 'does not support the CHECK command';
  // sbr moves the subnet's route into a table of its own, and macvlan's CHECK looks for it in the main one.
  return plugins.some((plugin) => plugin.type === 'sbr') ? 'Failed to find Gateway' : undefined;
}

describe('chained plugins', () => {
  test('have worked on the link that macvlan made', async () => {
    const config = goldenConfig('chain-tuning-sbr.json');
    const cni = await network(config);
    await cni.add('pod', wishFor(config));
    const rules = await lab.ip('pod', 'rule show');
    expect(rules).toContain('from 192.0.2.101 lookup 100');
    const setting = await lab.exec('pod', ['cat', '/proc/sys/net/ipv4/conf/net1/arp_announce']);
    expect(setting.trim()).toBe('2');
  });
});

describe('a pod without an address from the pool', () => {
  test.each(['pool.json', 'pool-with-routes.json'])('is refused (%s), and DEL leaves nothing', async (file) => {
    const cni = await network(goldenConfig(file));
    const refused = await cni.call('add', 'pod', { mac: MAC });
    expect(refused.code).not.toBe(0);
    expect(refused.stdout).toContain('missing IP config');
    expect(await cni.call('del', 'pod', { mac: MAC })).toMatchObject({ code: 0 });
    expect(await podLink()).toBeUndefined();
  });
});

describe('without the alias on a NIC', () => {
  test('no pod gets a link', async () => {
    await lab.ip('node', `link property del dev ${NIC} altname mva-lan`);
    const cni = await network(goldenConfig('no-addresses.json'));
    const refused = await cni.call('add', 'pod', {});
    expect(refused.code).not.toBe(0);
    expect(refused.stdout).toContain('Link not found');
    expect(await podLink()).toBeUndefined();
  });
});

describe('a pod with a MAC and an IPv6 route of the pool', () => {
  test('has them in the kernel, and not only in the answer', async () => {
    const config = goldenConfig('pool-with-routes.json');
    const cni = await network(config);
    await cni.add('pod', wishFor(config));
    const routes = [
      ...(await lab.show<{ dst: string; gateway?: string }>('pod', 'route show dev net1')),
      ...(await lab.show<{ dst: string; gateway?: string }>('pod', '-6 route show dev net1')),
    ];
    const via = routes
      .filter((route) => route.gateway !== undefined)
      .map(({ dst, gateway }) => `${dst} via ${gateway}`);
    expect(via.sort()).toEqual([
      '10.0.0.0/8 via 192.0.2.1',
      '198.51.100.0/24 via 192.0.2.2',
      '2001:db8:1::/48 via 2001:db8::1',
    ]);
  });
});
