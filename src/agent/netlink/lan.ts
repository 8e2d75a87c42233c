// Asks the LAN who has an IPv4 address: the kernel does, by ARP, as if the node wanted to talk to it, and its table of neighbours has
// the answer. That takes NET_ADMIN, and no socket for packets.
import type { Neighbour } from '../../domain/net/network.ts';
import { type Clock, sleep } from '../../kernel/process/clock.ts';
import type { LanPort } from '../ports.ts';
import type { Addon } from './addon.ts';
import * as k from './constants.ts';
import { decodeNeighbour } from './decode.ts';
import { addressBytes, encodeChange, encodeNeighbourDump, macBytes } from './encode.ts';
import { MessageWriter } from './message.ts';
import { RequestSocket } from './socket.ts';

/** The kernel asks at once and after a second; whoever is there has answered the second time. In milliseconds. */
const ANSWER_MS = 1500;
const HEADER = 12;

export class Lan implements LanPort {
  readonly #socket: RequestSocket;
  readonly #clock: Clock;

  /** Throws when the kernel refuses a socket. */
  constructor(addon: Addon, clock: Clock) {
    this.#socket = new RequestSocket(addon);
    this.#clock = clock;
  }

  async ask(parent: number, addresses: readonly string[], signal: AbortSignal): Promise<readonly Neighbour[]> {
    const before = new Map((await this.#entriesOn(parent)).map((entry) => [entry.address, entry]));
    const asked = new Set(addresses.filter((address) => before.get(address)?.isPermanent !== true));
    await this.#socket.send([...asked].map((address) => encodeAsk(parent, address, before.get(address)?.mac ?? '')));
    try {
      await sleep(this.#clock, ANSWER_MS, signal);
      const entries = await this.#entriesOn(parent);
      return entries.filter(({ address, isReachable }) => isReachable || !asked.has(address));
    } finally {
      const entries = await this.#entriesOn(parent);
      const left = entries.filter(({ address, isReachable }) => !isReachable && asked.has(address));
      await this.#socket.send(
        left.map(({ address, mac }) => encodeChange({ type: 'RemoveNeighbour', ifindex: parent, address, mac })),
      );
    }
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  /** What somebody else than the kernel looks after counts as permanent. */
  async #entriesOn(parent: number): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    await this.#socket.dump(encodeNeighbourDump(parent), ({ type, body }) => {
      const neighbour = type === k.RTM_NEWNEIGH ? decodeNeighbour(body) : undefined;
      if (neighbour?.family !== 'IPv4' || neighbour.ifindex !== parent) return;
      const isPermanent = neighbour.isPermanent || (body.readUInt8(10) & k.NTF_EXT_LEARNED) !== 0;
      found.push({ ...neighbour, isPermanent, isReachable: (body.readUInt16LE(8) & k.NUD_REACHABLE) !== 0 });
    });
    return found;
  }
}

interface Entry extends Neighbour {
  /** An answer came, a moment ago. */
  readonly isReachable: boolean;
}

/** Whoever is known by a MAC address is asked whether he is there still, and stays known meanwhile: routes depend on it. */
function encodeAsk(parent: number, address: string, mac: string): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(k.AF_INET, 0);
  header.writeInt32LE(parent, 4);
  if (mac === '') header.writeUInt8(k.NTF_USE, 10);
  else header.writeUInt16LE(k.NUD_PROBE, 8);
  const flags = k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_REPLACE;
  const writer = new MessageWriter(k.RTM_NEWNEIGH, flags).bytes(header).attribute(k.NDA_DST, addressBytes(address));
  return (mac === '' ? writer : writer.attribute(k.NDA_LLADDR, macBytes(mac))).finish();
}
