// Numbers of the kernel's netlink interface, with the names they have in its headers.

/** Message types. */
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTM_NEWQDISC = 36;
export const RTM_NEWTFILTER = 44;
export const RTM_GETTFILTER = 46;
export const RTM_NEWNSID = 88;
export const RTM_GETNSID = 90;
export const RTM_NEWLINKPROP = 108;
export const RTM_DELLINKPROP = 109;

/** Flags of a request. */
export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** Flag of an answer to a dump: things changed while it was being made. */
export const NLM_F_DUMP_INTR = 0x10;
/** Flags of an acknowledgement: the request is not repeated in it; attributes follow. */
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLMSGERR_ATTR_MSG = 1;

export const NLA_F_NESTED = 0x8000;
export const NLA_TYPE_MASK = 0x3fff;

export const AF_INET = 2;
export const AF_INET6 = 10;

/** Multicast groups, as bits of the address that a socket is bound to. */
export const GROUP_LINK = 1 << 0;
export const GROUP_NEIGHBOUR = 1 << 2;
export const GROUP_IPV4_ADDRESS = 1 << 4;
export const GROUP_IPV4_ROUTE = 1 << 6;
export const GROUP_IPV6_ADDRESS = 1 << 8;
export const GROUP_IPV6_ROUTE = 1 << 10;

/** Links. */
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
export const IFLA_AF_SPEC = 26;
export const IFLA_NET_NS_FD = 28;
export const IFLA_EXT_MASK = 29;
export const IFLA_CARRIER = 33;
export const IFLA_LINK_NETNSID = 37;
export const IFLA_TARGET_NETNSID = 46;
export const IFLA_PROP_LIST = 52;
export const IFLA_ALT_IFNAME = 53;
export const IFLA_PERM_ADDRESS = 54;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_INFO_SLAVE_KIND = 4;
export const IFLA_MACVLAN_MODE = 1;
export const IFLA_BOND_MODE = 1;
export const IFLA_INET_CONF = 1;
export const IFLA_INET6_CONF = 2;
export const IFLA_INET6_ADDR_GEN_MODE = 8;
export const IN6_ADDR_GEN_MODE_NONE = 1;
/** Number of `arp_filter` among the IPv4 settings of a link. */
export const IPV4_DEVCONF_ARPFILTER = 13;
/** Numbers of `forwarding`, `accept_ra` and `proxy_ndp` among the IPv6 settings of a link, which are counted from zero. */
export const IPV6_DEVCONF_FORWARDING = 0;
export const IPV6_DEVCONF_ACCEPT_RA = 3;
export const IPV6_DEVCONF_PROXY_NDP = 22;
/** Number of `arp_notify`: announce the addresses whenever the link goes up. */
export const IPV4_DEVCONF_ARP_NOTIFY = 22;
/** Leave the counters out of link messages. */
export const RTEXT_FILTER_SKIP_STATS = 8;
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;
export const IFF_UP = 1;
export const IFF_NOARP = 0x80;
export const IFF_LOWER_UP = 0x10000;
/** macvlan modes by their bit. */
export const MACVLAN_MODES: Readonly<Record<number, string>> = {
  1: 'private',
  2: 'vepa',
  4: 'bridge',
  8: 'passthru',
  16: 'source',
};
export const MACVLAN_MODE_PRIVATE = 1;
export const MACVLAN_MODE_BRIDGE = 4;
/** Modes of bonds by their number. */
export const BOND_MODES: readonly string[] = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
];

/** Names that this namespace has for others. */
export const NETNSA_NSID = 1;
export const NETNSA_FD = 3;
/** As an id: choose one. */
export const NSID_ANY = -1;

/** Addresses. */
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_BROADCAST = 4;
export const IFA_FLAGS = 8;
export const IFA_TARGET_NETNSID = 10;
export const IFA_F_SECONDARY = 0x01;
/** Another host has the address, or it is not known yet whether one has. */
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_TENTATIVE = 0x40;
/** It has no lifetime. */
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_NOPREFIXROUTE = 0x200;

/** Routes. */
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_CACHEINFO = 12;
export const RTA_TABLE = 15;
export const RTA_VIA = 18;
export const RTA_EXPIRES = 23;
export const RT_TABLE_MAIN = 254;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RTN_UNICAST = 1;
export const RTAX_MTU = 2;
export const RTAX_ADVMSS = 8;
/** Set up by an administrator or, as here, in one's name: what the CNI plugins' own routes carry. */
export const RTPROT_BOOT = 3;
/** Made by the kernel from a router advertisement. */
export const RTPROT_RA = 9;
/** Who made a route; ours carry a number that no routing daemon uses for its own. */
export const ROUTE_PROTOCOL = 109;

/** Traffic control. */
export const TC_H_CLSACT = 0xfffffff1;
export const TC_H_CLSACT_MAJOR = 0xffff0000;
export const TC_H_EGRESS = 0xfffffff3;
export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;
export const TCA_BPF_OPS_LEN = 4;
export const TCA_BPF_OPS = 5;
export const TCA_BPF_FLAGS = 8;
/** What the program returns is the verdict. */
export const TCA_BPF_FLAG_ACT_DIRECT = 1;

/** Neighbours. */
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_IFINDEX = 8;
/** States: an answer came a moment ago; it is being asked for; somebody has set it. */
export const NUD_REACHABLE = 0x02;
export const NUD_PROBE = 0x10;
export const NUD_PERMANENT = 0x80;
/** Find out who it is, as if there were something to send. */
export const NTF_USE = 1;
/** Somebody else than the kernel looks after the entry. */
export const NTF_EXT_LEARNED = 0x10;
/** The entry is about an address that this node answers for. */
export const NTF_PROXY = 8;
export const NTF_ROUTER = 0x80;

/** Sockets of other processes. */
export const SOCK_DIAG_BY_FAMILY = 20;
export const AF_UNIX = 1;
export const SOCK_STREAM = 1;
/** States of sockets of any family: bound and nothing more, and listening. */
export const TCP_CLOSE = 7;
export const TCP_LISTEN = 10;
export const UNIX_DIAG_NAME = 0;
export const UNIX_DIAG_UID = 7;
/** What of a socket is to be shown. */
export const UDIAG_SHOW_NAME = 0x01;
export const UDIAG_SHOW_UID = 0x40;
