// The supervisor and the stock daemon on the real kernel, with the real plugins and a real DHCP server: leases that are got, told,
// renewed, lost with the daemon and got back.
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { attachmentOn } from './support/agent.ts';
import { CniNetwork, ended, RENEW_SOON, startDhcpServer } from './support/cni.ts';
import { LabDhcp, RIGHTS } from './support/dhcp.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';
import { NOBODY } from './support/rights.ts';

jest.setTimeout(180_000);

const MAC = '02:4d:00:00:00:07';
const RANGE = ['10.9.0.100', '10.9.0.120'] as const;

let lab: Lab;
let network: CniNetwork;
let server: ChildProcess;
let dhcp: LabDhcp;

beforeEach(async () => {
  lab = await startLan(['pod']);
  await lab.ip('node', `link property add dev ${NIC} altname mva-lan`);
  server = startDhcpServer(lab, RANGE, RENEW_SOON);
  dhcp = await LabDhcp.start(lab);
  network = await CniNetwork.of(lab, attachmentOn(NIC));
});

afterEach(async () => {
  network.close();
  await dhcp.stop();
  await lab.stop();
});

const addressOf = async (pod: string) => /inet (\S+)/.exec(await lab.ip(pod, 'addr show dev net1'))?.[1];
const isBound = () => until('the lease is held', () => dhcp.lease?.phase === 'Bound');

describe('the lease of a pod', () => {
  test('is told with its end, renewed in time, and gone with the pod', async () => {
    const { ips } = await network.add('pod', { mac: MAC });
    await isBound();
    await until('the link is counted', () => dhcp.links === 1, 20_000);
    const first = dhcp.lease?.expires ?? 0;
    expect(ips?.[0]?.address).toBe(await addressOf('pod'));
    expect(dhcp.lease).toMatchObject({ network: 'lan', interface: 'net1', server: 'Answers' });
    await until('the lease was renewed', () => (dhcp.lease?.expires ?? 0) > first + 2000, 20_000);
    expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
    await until('the lease is gone', () => dhcp.lease === undefined && dhcp.links === 0);
    expect(await dhcp.stop()).toBe(0);
    expect((await lab.enter(['ls', '/run/macvlan-operator'])).trim()).toBe('');
  });

  test('is held again after the daemon was killed, with the same address, and is renewed afterwards', async () => {
    await network.add('pod', { mac: MAC });
    await isBound();
    const before = await addressOf('pod');
    expect(await dhcp.killDaemon()).toBe(1);
    const began = performance.now();
    dhcp = await LabDhcp.start(lab);
    await isBound();
    console.log(`held again ${(performance.now() - began).toFixed(0)} ms after the start of the next supervisor`);
    expect(dhcp.lease).not.toHaveProperty('otherAddress');
    expect(await addressOf('pod')).toBe(before);
    const first = dhcp.lease?.expires ?? 0;
    await until('the lease was renewed', () => (dhcp.lease?.expires ?? 0) > first + 2000, 20_000);
    expect((await lab.enter(['cat', '/run/leases'])).trim().split('\n')).toHaveLength(1);
    expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
  });

  test('is held again after a socket was taken away under its daemon, which then ends by itself', async () => {
    await network.add('pod', { mac: MAC });
    await isBound();
    for (const socket of ['dhcp.sock', 'dhcp-control.sock']) {
      await lab.enter(['rm', `/run/macvlan-operator/${socket}`]);
      expect(await dhcp.ended()).toBe(1);
      dhcp = await LabDhcp.start(lab);
      await isBound();
    }
    expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
  });

  test('is told to be another one where the server gives a running pod another address', async () => {
    await network.add('pod', { mac: MAC });
    await isBound();
    await dhcp.stop();
    await ended(server);
    await lab.enter(['rm', '/run/leases']);
    server = startDhcpServer(lab, RANGE, [`--dhcp-host=${MAC},10.9.0.77`]);
    dhcp = await LabDhcp.start(lab);
    await until('the other address is told', () => dhcp.lease?.otherAddress === '10.9.0.77/24');
    expect(await addressOf('pod')).not.toContain('10.9.0.77');
  });

  test('is told to be another one where the server does not renew it, but gives another address instead', async () => {
    const soon = ['--dhcp-option-force=option:T1,3s', '--dhcp-option-force=option:T2,5s'];
    await ended(server);
    server = startDhcpServer(lab, RANGE, [...soon, `--dhcp-host=${MAC},10.9.0.66`]);
    await network.add('pod', { mac: MAC });
    await isBound();
    await ended(server);
    await lab.enter(['rm', '/run/leases']);
    server = startDhcpServer(lab, RANGE, [...soon, `--dhcp-host=${MAC},10.9.0.77`]);
    await until('the other address is told', () => dhcp.lease?.otherAddress === '10.9.0.77/24', 100_000);
    expect(await addressOf('pod')).toBe('10.9.0.66/24');
    await until('it is renewed by that address', async () =>
      (await lab.enter(['cat', '/run/dnsmasq.log'])).includes('DHCPACK(sw0) 10.9.0.77'),
    );
    expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
  });

  test('is told to be waited for when no server answers, new and old ones', async () => {
    await network.add('pod', { mac: MAC });
    await isBound();
    await ended(server);
    await until('the renewal is not answered', () => dhcp.lease?.server === 'Silent', 40_000);
    expect(dhcp.lease).toMatchObject({ phase: 'Renewing', expires: expect.any(Number) });
    server = startDhcpServer(lab, RANGE, RENEW_SOON);
    await until('it is answered again', () => dhcp.lease?.server === 'Answers' && dhcp.lease.phase === 'Bound', 90_000);
  });
});

describe('the agent', () => {
  const name = () => ({ container: 'none', network: 'lan', interface: 'net1' });

  test('has a lease given up and asked for anew, and the server does not hear of the first', async () => {
    await network.add('pod', { mac: MAC });
    await isBound();
    const { container = '' } = dhcp.lease ?? {};
    const before = await addressOf('pod');
    await lab.ip('pod', 'link del net1');
    expect(await dhcp.ask({ verb: 'Release', ...name(), container })).toEqual({ ok: 'Yes' });
    await until('the daemon has forgotten it', () => dhcp.lease === undefined);
    await lab.ip('node', `link add name net1 link ${NIC} netns pod address ${MAC} type macvlan mode bridge`);
    const answer = await dhcp.ask({ verb: 'Allocate', ...name(), container });
    expect(answer).toMatchObject({ ok: 'Yes', result: { ips: [{ address: before }] } });
    await isBound();
    expect(await lab.enter(['cat', '/run/dnsmasq.log'])).not.toContain('DHCPRELEASE');
  });

  test('gets nothing for a link that CNI does not know', async () => {
    expect(await dhcp.ask({ verb: 'Allocate', ...name() })).toEqual({
      ok: 'No',
      because: "no link none/lan/net1 is in CNI's result cache",
    });
  });
});

describe('a process of the node that is not root', () => {
  const CONNECT = `require('net').connect(process.argv[1])
    .on('connect', () => { console.log('connected'); process.exit(); })
    .on('error', (error) => console.log(error.code));`;

  test.each(['dhcp.sock', 'dhcp-control.sock'])('cannot talk to %s', async (socket) => {
    const path = `/run/macvlan-operator/${socket}`;
    const asRoot = await lab.exec('node', [process.execPath, '-e', CONNECT, path]);
    expect(asRoot.trim()).toBe('connected');
    const said = await lab.exec('node', [...NOBODY, process.execPath, '-e', CONNECT, path]);
    expect(said.trim()).toBe('EACCES');
  });
});

describe('of its three rights', () => {
  test.each(RIGHTS)('%s is needed', async (right) => {
    await dhcp.stop();
    const others = RIGHTS.filter((other) => other !== right);
    dhcp = await LabDhcp.start(lab, others);
    await expect(network.add('pod', { mac: MAC })).rejects.toThrow(/ADD/);
    await network.call('del', 'pod', { mac: MAC });
  });
});
