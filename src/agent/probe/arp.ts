// The one question of a probe and its answers, as Ethernet frames.
import { addressBytes, macBytes } from '../netlink/encode.ts';

/** The shortest frame that Ethernet allows, less its checksum. */
const FRAME = 60;
const LENGTH = 42;
const ETHERTYPE_ARP = 0x0806;
const REQUEST = 1;
const REPLY = 2;

/**
 * "Who has this address?" as a probe (RFC 5227): the sender names no address of its own, so nobody who hears it writes anything
 * into his table of neighbours. A question of the kernel's own from the same link would tell the whole LAN that the node's address
 * is behind the link's MAC address.
 */
export function encodeArpProbe(mac: string, target: string): Buffer {
  const frame = Buffer.alloc(FRAME);
  frame.fill(0xff, 0, 6);
  frame.set(macBytes(mac), 6);
  frame.writeUInt16BE(ETHERTYPE_ARP, 12);
  frame.writeUInt16BE(1, 14); // Ethernet
  frame.writeUInt16BE(0x0800, 16); // IPv4
  frame.writeUInt8(6, 18);
  frame.writeUInt8(4, 19);
  frame.writeUInt16BE(REQUEST, 20);
  frame.set(macBytes(mac), 22);
  // Sender address and target MAC address stay zero.
  frame.set(addressBytes(target), 38);
  return frame;
}

/** Whether the frame is the answer of that address to that MAC address. What is too short is none. */
export function isAnswer(frame: Uint8Array, mac: string, target: string): boolean {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes.length < LENGTH || bytes.readUInt16BE(12) !== ETHERTYPE_ARP || bytes.readUInt16BE(20) !== REPLY)
    return false;
  const own = Buffer.from(macBytes(mac));
  return bytes.subarray(32, 38).equals(own) && bytes.subarray(28, 32).equals(addressBytes(target));
}
