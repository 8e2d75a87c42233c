// Writes down what this kernel says over netlink, for tests of the codec that are to have real messages without a kernel:
//   node test/netns/support/record-messages.ts > test/fixtures/netlink/messages.json
import { execFileSync } from 'node:child_process';
import { buildAddon } from '../../../scripts/build-addon.ts';
import { type Addon, loadAddon } from '../../../src/agent/netlink/addon.ts';
import { encodeFilterDump } from '../../../src/agent/netlink/egress-filter.ts';
import {
  encodeAddressDump,
  encodeChange,
  encodeLinkDump,
  encodeLinkGet,
  encodeNeighbourDump,
  encodeProxyDump,
  encodeRouteDump,
} from '../../../src/agent/netlink/encode.ts';
import { setSequence } from '../../../src/agent/netlink/message.ts';
import { NetlinkNetwork } from '../../../src/agent/netlink/network.ts';
import type { Recorded } from '../../support/netlink-messages.ts';
import { startLan } from './lan.ts';

/** What a node may have: a NIC with other names, a shim, a bridge with a port, routes over several hops, neighbours. */
const SCENE = `
ip link property add dev enp3s0 altname mva-lan altname enx525400000001
ip link add mvs-test link enp3s0 address 02:5f:00:00:00:01 type macvlan mode bridge
ip link set mvs-test alias note up
ip addr add 10.9.0.1/32 dev mvs-test noprefixroute
ip route add 10.9.0.2/32 dev mvs-test src 10.9.0.1
ip neigh add 10.9.0.2 lladdr 02:aa:00:00:00:02 nud permanent dev mvs-test
ip -6 addr add fd09::1/64 dev enp3s0 nodad
ip -6 neigh add proxy fd09::1 dev mvs-test
ip link add br0 type bridge
ip link add port0 type veth peer name pod0
ip link set port0 master br0
ip route add 198.51.100.0/24 nexthop via 10.9.0.254 weight 1 nexthop via 10.9.0.253 weight 2
ip -6 route add default via fd09::fe
ip route add 203.0.113.0/24 via inet6 fe80::1 dev enp3s0`;

/** Changes of every kind of event, and their undoing. */
const EVENTS = `
ip link set pod0 up
ip link del port0
ip neigh del 10.9.0.2 dev mvs-test
ip route del 198.51.100.0/24
ip route del 10.9.0.2/32
ip addr del 10.9.0.1/32 dev mvs-test
ip link set mvs-test name mvs-other
ip link del mvs-other`;

if (process.argv[2] === 'inside') await record(loadAddon(process.argv[3] ?? ''));
else {
  const lab = await startLan();
  await lab.exec('node', ['sh', '-ec', SCENE]);
  const text = await lab.exec('node', [process.execPath, import.meta.filename, 'inside', buildAddon()]);
  process.stdout.write(text);
  await lab.stop();
}

async function record(addon: Addon): Promise<void> {
  const index = Number(execFileSync('cat', ['/sys/class/net/mvs-test/ifindex'], { encoding: 'utf8' }));
  const network = new NetlinkNetwork(addon);
  await network.apply([{ type: 'FilterEgress', ifindex: index, macs: ['02:aa:00:00:00:02', '02:aa:00:00:00:03'] }]);
  await network.close();
  const requests: Record<string, Buffer> = {
    links: encodeLinkDump(),
    link: encodeLinkGet(index),
    addresses: encodeAddressDump(),
    routes4: encodeRouteDump('IPv4'),
    routes6: encodeRouteDump('IPv6'),
    neighbours: encodeNeighbourDump(index),
    proxies: encodeProxyDump(index),
    filters: encodeFilterDump(index),
    noSuchLink: encodeLinkGet(4711),
    nameTaken: encodeChange({ type: 'AddAltName', ifindex: 1, name: 'mva-lan' }),
    mtuTooLarge: encodeChange({ type: 'SetLink', ifindex: index, name: 'mvs-test', mtu: 9000 }),
    noSuchGateway: encodeChange({
      ...{ type: 'AddRoute', ifindex: index, destination: '10.9.0.9', prefixLength: 32, metric: 0 },
      source: '192.0.2.1',
    } as const),
  };
  const answers: Record<string, string[]> = {};
  for (const [name, request] of Object.entries(requests)) answers[name] = await collect(addon, 0, request);
  answers['events'] = await collect(addon, 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400, undefined);
  console.log(
    JSON.stringify(
      { kernel: execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim(), answers } satisfies Recorded,
      null,
      1,
    ),
  );
}

/** The datagrams that come within a moment after the request, or after the changes. */
async function collect(addon: Addon, groups: number, request: Buffer | undefined): Promise<string[]> {
  const found: string[] = [];
  const socket = addon.open(groups, 1 << 20, (_errno, datagram) => {
    if (datagram !== undefined) found.push(datagram.toString('base64'));
  });
  if (request === undefined) execFileSync('sh', ['-ec', EVENTS]);
  else {
    setSequence(request, 7);
    const { writeSync } = await import('node:fs');
    writeSync(socket.fd, request);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  addon.close(socket);
  return found;
}
