// The native half of sockets, as TypeScript sees it; addon.c says how it works.
import { createRequire } from 'node:module';

/** An open netlink socket on the event loop. */
export interface NativeSocket {
  /** To be written to with fs.write only. */
  readonly fd: number;
}

/** Gets zero and one datagram, or an errno: ENOBUFS says that datagrams were lost. */
export type NativeCallback = (errno: number, datagram: Buffer | undefined) => void;

export interface Addon {
  /**
   * @param groups multicast groups to listen to, as bits
   * @param receiveBuffer in bytes, beyond the system's limit where the process may (NET_ADMIN)
   * @param namespace descriptor of the network namespace that the socket is to be in (needs SYS_ADMIN); default: the process's
   */
  open(groups: number, receiveBuffer: number, callback: NativeCallback, namespace?: number): NativeSocket;
  /** Questions about other sockets of the process's namespace. */
  openDiag(callback: NativeCallback): NativeSocket;
  /**
   * ARP on one link: whole frames out, and ARP answers in, whoever they are for. Needs NET_RAW.
   * @param ifindex a link of the process's own namespace
   */
  openArp(ifindex: number, callback: NativeCallback): NativeSocket;
  /**
   * The words of another process, one write at a time.
   * @returns also `peer`: a descriptor to give to it, and to close here once it has it
   */
  openMessages(callback: NativeCallback): NativeSocket & { readonly peer: number };
  /**
   * Lets a link in another network namespace announce its IPv6 addresses. Needs SYS_ADMIN. Throws when the file is not there.
   * @param namespace descriptor of the network namespace
   * @param path of the link's setting ndisc_notify
   */
  announceIn(namespace: number, path: string): void;
  close(socket: NativeSocket): void;
  ref(socket: NativeSocket): void;
  unref(socket: NativeSocket): void;
}

/** Loads the compiled addon. Throws when the file is missing or was made for another platform. */
export function loadAddon(path: string): Addon {
  return createRequire(import.meta.url)(path) as Addon;
}
