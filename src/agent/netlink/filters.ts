// Which MAC addresses the node's NICs listen for besides their own: those of all macvlan links on them, in whatever namespace, as long
// as they are up. The kernel tells it like the forwarding database of a bridge (`bridge fdb show`).
import type { Addon } from './addon.ts';
import * as k from './constants.ts';
import { formatMac } from './decode.ts';
import { type Message, MessageWriter, readAttributes } from './message.ts';
import { RequestSocket } from './socket.ts';

const NEIGHBOUR_HEADER = 12;
const AF_BRIDGE = 7;
/** The NIC's own entry, and not what a bridge has learnt. */
const NTF_SELF = 0x02;
/** The table changed while it was read: it is read again, so often. */
const ATTEMPTS = 5;

/** The filters of all NICs in the process's own namespace. */
export class MacFilters {
  readonly #socket: RequestSocket;

  /** Throws when the kernel refuses a socket. */
  constructor(addon: Addon) {
    this.#socket = new RequestSocket(addon);
  }

  /** Rejects when the whole truth cannot be had. */
  async read(): Promise<ReadonlySet<string>> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const macs = new Set<string>();
      const isConsistent = await this.#socket.dump(encodeFilterTableDump(), (message) => {
        const mac = decodeFiltered(message);
        if (mac !== undefined) macs.add(mac);
      });
      if (isConsistent) return macs;
    }
    throw new Error(`the NICs' filters changed during each of ${ATTEMPTS} looks at them`);
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}

export function encodeFilterTableDump(): Buffer {
  const header = Buffer.alloc(NEIGHBOUR_HEADER);
  header.writeUInt8(AF_BRIDGE, 0);
  return new MessageWriter(k.RTM_GETNEIGH, k.NLM_F_REQUEST | k.NLM_F_DUMP).bytes(header).finish();
}

export function decodeFiltered({ type, body }: Message): string | undefined {
  if (type !== k.RTM_NEWNEIGH || body.length < NEIGHBOUR_HEADER || (body.readUInt8(10) & NTF_SELF) === 0)
    return undefined;
  return formatMac(readAttributes(body, NEIGHBOUR_HEADER).get(k.NDA_LLADDR));
}
