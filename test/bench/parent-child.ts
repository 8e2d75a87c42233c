// Inside the node's namespace: replaces the NIC again and again, and times by the kernel's own events when it has the alias.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { loadAddon } from '../../src/agent/netlink/addon.ts';
import { GROUP_LINK, RTM_NEWLINK } from '../../src/agent/netlink/constants.ts';
import { decodeLink } from '../../src/agent/netlink/decode.ts';
import { readMessages } from '../../src/agent/netlink/message.ts';
import { NetlinkNetwork } from '../../src/agent/netlink/network.ts';
import type { Link } from '../../src/domain/net/network.ts';

const [, , addonPath = '', mode = 'agent', rounds = '100'] = process.argv;
const NIC = 'enp3s0';
const ALIAS = 'mva-lan';
const run = promisify(execFile);
const addon = loadAddon(addonPath);
const network = new NetlinkNetwork(addon);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The NIC that this round is about. */
let current = { ifindex: 0, upAt: 0, aliasAt: 0 };

const socket = addon.open(GROUP_LINK, 4 * 1024 * 1024, (_errno, datagram) => {
  if (datagram === undefined) return;
  const at = performance.now();
  for (const { type, body } of readMessages(datagram)) {
    const link = type === RTM_NEWLINK ? decodeLink(body) : undefined;
    if (link?.name === NIC) take(link, at);
  }
});

function take(link: Link, at: number): void {
  if (link.ifindex !== current.ifindex) current = { ifindex: link.ifindex, upAt: 0, aliasAt: 0 };
  if (current.upAt === 0 && link.isUp && link.hasCarrier) {
    current.upAt = at;
    if (mode === 'floor') void network.apply([{ type: 'AddAltName', ifindex: link.ifindex, name: ALIAS }]);
  }
  if (current.aliasAt === 0 && link.altNames.includes(ALIAS)) current.aliasAt = at;
}

/** A NIC on a cable to nowhere. */
async function replace(round: number): Promise<void> {
  const mac = `52:54:00:00:01:${(round % 256).toString(16).padStart(2, '0')}`;
  const lines = [
    `link add ${NIC} address ${mac} type veth peer name far0`,
    'link set far0 up',
    `addr add 10.9.0.1/24 dev ${NIC}`,
    `link set ${NIC} up`,
  ];
  await run('sh', ['-c', `printf '%s\\n' "$@" | ip -batch -`, 'sh', ...lines]);
}

const samples: number[] = [];
for (let round = 0; round < Number(rounds) + 5; round++) {
  await replace(round);
  const end = performance.now() + 10_000;
  while (current.aliasAt === 0) {
    if (performance.now() > end) throw new Error('the alias did not come');
    await pause(1);
  }
  // An agent may be so quick that it is done before the kernel says that the NIC is up.
  samples.push(Math.max(0, current.aliasAt - current.upAt));
  await run('ip', ['link', 'del', NIC]);
  current = { ifindex: 0, upAt: 0, aliasAt: 0 };
  await pause(50);
}
process.stdout.write(`${JSON.stringify(samples.slice(5))}\n`); // the first ones are compiled while they run
addon.close(socket);
await network.close();
