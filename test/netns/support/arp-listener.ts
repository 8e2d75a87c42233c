// Listens for ARP on a link, as MetalLB's speaker does, until its input ends. Arguments: the addon, and the index of the link.
import { loadAddon } from '../../../src/agent/netlink/addon.ts';

const [, , path = '', ifindex = ''] = process.argv;
const addon = loadAddon(path);
const socket = addon.openArp(Number(ifindex), () => {});
process.stdout.write('listening\n');
process.stdin.on('end', () => addon.close(socket)).resume();
