// The kernel's list of packet sockets, built by hand in the layout of net/packet/af_packet.c: a speaker of MetalLB beside tcpdump.
import { expect, test } from '@jest/globals';
import { arpListenersIn, readArpListeners } from '../../../../src/agent/netlink/arp-listeners.ts';

const LIST = `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
00000000a1b2c3d4 3      3    0806   2     1 0      0      41872
00000000a1b2c3d5 3      3    0806   7     1 0      0      41873
00000000a1b2c3d6 3      3    0003   5     1 0      0      41990
00000000a1b2c3d7 3      3    0806   0     1 0      0      41991
00000000a1b2c3d8 3      2    88cc   2     1 0      0      41992
`;

test('who listens for ARP is told link by link, and who listens to everything is not meant', () => {
  expect(arpListenersIn(LIST)).toEqual(new Set([2, 7]));
  expect(arpListenersIn('')).toEqual(new Set());
});

test('a list that is not there says nothing', async () => {
  expect(await readArpListeners('/nowhere/packet')).toBeUndefined();
  expect(await readArpListeners('/proc/self/net/packet')).toBeInstanceOf(Set);
});
