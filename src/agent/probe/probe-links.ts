// The link that a probe asks from: made silent before it goes up, and taken away afterwards, also when its process was killed.
//
// NOARP: the kernel asks and answers nothing by ARP on it; it would tell the LAN the node's own address under the link's MAC
// address. IPv6 is off on it. Mode private: its questions do not reach the pods of this node.

import type { Link } from '../../domain/net/network.ts';
import { isOwnProbe, PROBE_NOTE, type ProbeWish } from '../../domain/parent/mac-filter.ts';
import type { Addon } from '../netlink/addon.ts';
import * as k from '../netlink/constants.ts';
import { decodeLink } from '../netlink/decode.ts';
import { encodeLinkDump, linkHeader, macBytes } from '../netlink/encode.ts';
import type { LinkSettings } from '../netlink/link-settings.ts';
import { MessageWriter } from '../netlink/message.ts';
import { NetlinkError, RequestSocket } from '../netlink/socket.ts';

const DO = k.NLM_F_REQUEST | k.NLM_F_ACK;

export class ProbeLinks {
  readonly #socket: RequestSocket;
  readonly #settings: LinkSettings;

  constructor(addon: Addon, settings: LinkSettings) {
    this.#socket = new RequestSocket(addon);
    this.#settings = settings;
  }

  /** Makes the link and resolves with its index, once it is up and silent. Rejects otherwise; then there is no link. */
  async make(wish: ProbeWish): Promise<number> {
    await this.#send(encodeCreate(wish));
    try {
      const made = await this.#find(wish.name);
      // Missing when IPv6 is off in the kernel.
      const hasIPv6 = made.addressGeneration !== undefined;
      if (hasIPv6) await this.#settings.writeIPv6(wish.name, 'disable_ipv6', 1);
      await this.#send(encodeSilence(made.ifindex, hasIPv6));
      const silent = await this.#find(wish.name);
      if (!isSilent(silent, wish)) throw new Error(`${wish.name} did not become what a probe may use`);
      await this.#send(
        new MessageWriter(k.RTM_NEWLINK, DO).bytes(linkHeader(silent.ifindex, k.IFF_UP, k.IFF_UP)).finish(),
      );
      return silent.ifindex;
    } catch (error) {
      await this.remove(wish.name);
      throw error;
    }
  }

  /** Takes the link away; one that is gone already will do. */
  async remove(name: string): Promise<void> {
    const request = new MessageWriter(k.RTM_DELLINK, DO).bytes(linkHeader(0)).text(k.IFLA_IFNAME, name).finish();
    const [error] = await this.#socket.send([request]);
    if (error !== undefined && error.code !== 'ENODEV') throw error;
  }

  /** Takes away every link that a probe on this node has left behind. */
  async removeLeftovers(nodeUid: string): Promise<readonly string[]> {
    const found: Link[] = [];
    await this.#socket.dump(encodeLinkDump(), ({ type, body }) => {
      const link = type === k.RTM_NEWLINK ? decodeLink(body) : undefined;
      if (link !== undefined && isOwnProbe(link, nodeUid)) found.push(link);
    });
    for (const { name } of found) await this.remove(name);
    return found.map(({ name }) => name);
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  async #send(message: Buffer): Promise<void> {
    const [error] = await this.#socket.send([message]);
    if (error !== undefined) throw error;
  }

  async #find(name: string): Promise<Link> {
    const request = new MessageWriter(k.RTM_GETLINK, DO)
      .bytes(linkHeader(0))
      .text(k.IFLA_IFNAME, name)
      .u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS)
      .finish();
    const [found] = await this.#socket.ask([request], ({ body }) => decodeLink(body));
    if (found instanceof NetlinkError) throw found;
    if (found === undefined) throw new Error(`${name} is not there`);
    return found;
  }
}

function encodeCreate({ name, parent, probeMac }: ProbeWish): Buffer {
  return new MessageWriter(k.RTM_NEWLINK, DO | k.NLM_F_CREATE | k.NLM_F_EXCL)
    .bytes(linkHeader(0, k.IFF_NOARP, k.IFF_NOARP))
    .text(k.IFLA_IFNAME, name)
    .u32(k.IFLA_LINK, parent)
    .attribute(k.IFLA_ADDRESS, macBytes(probeMac))
    .nest(k.IFLA_LINKINFO, (w) => {
      w.text(k.IFLA_INFO_KIND, 'macvlan');
      w.nest(k.IFLA_INFO_DATA, (data) => data.u32(k.IFLA_MACVLAN_MODE, k.MACVLAN_MODE_PRIVATE));
    })
    .finish();
}

function encodeSilence(ifindex: number, hasIPv6: boolean): Buffer {
  const writer = new MessageWriter(k.RTM_NEWLINK, DO).bytes(linkHeader(ifindex)).text(k.IFLA_IFALIAS, PROBE_NOTE);
  if (!hasIPv6) return writer.finish();
  return writer
    .nest(k.IFLA_AF_SPEC, (families) =>
      families.nest(k.AF_INET6, (v6) => v6.u8(k.IFLA_INET6_ADDR_GEN_MODE, k.IN6_ADDR_GEN_MODE_NONE)),
    )
    .finish();
}

function isSilent(link: Link, wish: ProbeWish): boolean {
  const isOurs = link.kind === 'macvlan' && link.lower === wish.parent && link.mac === wish.probeMac;
  return isOurs && link.isNoArp && !link.isUp && link.addressGeneration !== 'Other';
}
