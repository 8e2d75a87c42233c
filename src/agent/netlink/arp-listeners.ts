// Where programs on the node listen for ARP: the kernel lists all packet sockets of the network namespace.
import { readFile } from 'node:fs/promises';

const ETHERTYPE_ARP = '0806';

/** Indexes of links with such a socket; nothing when the list cannot be read. One on all links at once counts for none. */
export async function readArpListeners(path = '/proc/self/net/packet'): Promise<ReadonlySet<number> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : arpListenersIn(text);
}

/** Columns: sk RefCnt Type Proto Iface R Rmem User Inode. */
export function arpListenersIn(text: string): ReadonlySet<number> {
  const rows = text.split('\n').slice(1);
  const found = rows.flatMap((row) => {
    const [, , , protocol, ifindex] = row.trim().split(/\s+/);
    return protocol === ETHERTYPE_ARP && Number(ifindex) > 0 ? [Number(ifindex)] : [];
  });
  return new Set(found);
}
