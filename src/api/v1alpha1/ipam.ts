// How pods of an attachment get their addresses: one type, and one block for each type that has something to say.
import type { PluginConfig } from './plugin.ts';
import type { AddressOrCidr, Cidr, IpAddress } from './values.ts';

/**
 * How pods get their addresses.
 * @validation [{"rule":"has(self.dhcp) ? self.type == 'DHCP' : true","message":"dhcp belongs to type DHCP"},{"rule":"has(self.hostLocal) == (self.type == 'HostLocal')","message":"type HostLocal needs hostLocal, and no other type takes it"},{"rule":"has(self.static) ? self.type == 'Static' : true","message":"static belongs to type Static"},{"rule":"has(self.pool) == (self.type == 'Pool')","message":"type Pool needs pool, and no other type takes it"},{"rule":"has(self.raw) == (self.type == 'Raw')","message":"type Raw needs raw, and no other type takes it"}]
 */
export interface Ipam {
  /**
   * DHCP: from the LAN's own server. Static: each pod names its addresses (`ips`) in its networks annotation. HostLocal: from
   * ranges that each node hands out on its own. Pool: from ranges that hold for the whole cluster; a pod without an address from
   * them is not attached. None: no address; the pod only gets a link. Raw: a CNI IPAM configuration of your own.
   */
  readonly type: 'DHCP' | 'Static' | 'HostLocal' | 'Pool' | 'None' | 'Raw';
  /** Details of type DHCP. */
  readonly dhcp?: DhcpIpam;
  /** Details of type Static. */
  readonly static?: StaticIpam;
  /** Details of type HostLocal. */
  readonly hostLocal?: HostLocalIpam;
  /** Details of type Pool. */
  readonly pool?: PoolIpam;
  /** Details of type Raw. */
  readonly raw?: RawIpam;
}

/** Details of address assignment by the LAN's DHCP server. */
export interface DhcpIpam {
  /**
   * What identifies the pod to the DHCP server. MAC: the MAC address that the pod asks for, so that the address follows the MAC
   * (reservations by MAC work, and a re-created pod gets its address again). PodName: the pod's name. Plugin: what the CNI
   * plugin makes up, new for each pod.
   * @default "MAC"
   */
  readonly clientId?: 'MAC' | 'PodName' | 'Plugin';
  /**
   * The name that the pod gives the DHCP server, which may put it into its DNS. PodName: the pod's name. None: no name.
   * @default "PodName"
   */
  readonly hostName?: 'PodName' | 'None';
  /** What to ask the DHCP server for. Default: subnet mask and router. */
  readonly request?: DhcpRequest;
  /**
   * Who gets and renews the leases on each node.
   * @default {"type":"Managed"}
   */
  readonly daemon?: DhcpDaemon;
}

/**
 * The process that gets and renews leases for the pods of a node.
 * @validation {"rule":"!has(self.socketPath) || self.type == 'External'","message":"socketPath belongs to type External"}
 */
export interface DhcpDaemon {
  /**
   * Managed: the operator runs the CNI plugin's daemon on the nodes that take part, and watches over its leases. External: the
   * daemon is there already, or comes from somebody else; nothing is known of its leases, and links are not made again in place.
   */
  readonly type: 'Managed' | 'External';
  /**
   * Path of an external daemon's socket on the nodes. Default: the plugin's own, /run/cni/dhcp.sock.
   * @maxLength 107
   * @validation {"rule":"self.matches('^/[^ ]+$')","message":"must be an absolute path without spaces"}
   */
  readonly socketPath?: string;
}

/** DHCP options to ask the server for. */
export interface DhcpRequest {
  /**
   * Options by number, or by one of the names that the CNI plugin knows.
   * @minItems 1
   * @maxItems 32
   * @listType set
   */
  readonly options: readonly DhcpOption[];
  /**
   * Whether subnet mask and router are asked for as well. Add: they are. Omit: only what `options` lists.
   * @default "Add"
   */
  readonly defaults?: 'Add' | 'Omit';
}

/**
 * A DHCP option.
 * @maxLength 32
 * @validation {"rule":"self.matches('^(dhcp-client-identifier|subnet-mask|routers|host-name|user-class|vendor-class-identifier|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-4])$')","message":"must be a DHCP option: a number from 1 to 254, subnet-mask, routers, host-name, user-class, vendor-class-identifier or dhcp-client-identifier"}
 */
export type DhcpOption = string;

/** Details of addresses that pods name themselves. */
export interface StaticIpam {
  /**
   * Routes that pods get through this LAN.
   * @maxItems 64
   * @listType atomic
   */
  readonly routes?: readonly Route[];
  /** Name servers of this LAN, as told to the runtime. Kubernetes writes a pod's resolv.conf itself, from `dnsConfig` of the pod. */
  readonly dns?: Dns;
}

/** Details of addresses from ranges that each node hands out on its own. */
export interface HostLocalIpam {
  /**
   * Ranges to take addresses from; the pod gets one address of each address family.
   * @minItems 1
   * @maxItems 16
   * @listType atomic
   */
  readonly ranges: readonly HostLocalRange[];
  /**
   * Routes that pods get through this LAN.
   * @maxItems 64
   * @listType atomic
   */
  readonly routes?: readonly Route[];
}

/**
 * A range of addresses inside a subnet.
 * @validation [{"rule":"!has(self.start) || !isCIDR(self.subnet) || !isIP(self.start) || cidr(self.subnet).containsIP(self.start)","message":"start must lie inside subnet"},{"rule":"!has(self.end) || !isCIDR(self.subnet) || !isIP(self.end) || cidr(self.subnet).containsIP(self.end)","message":"end must lie inside subnet"},{"rule":"!has(self.gateway) || !isCIDR(self.subnet) || !isIP(self.gateway) || cidr(self.subnet).containsIP(self.gateway)","message":"gateway must lie inside subnet"},{"rule":"!has(self.start) || !has(self.end) || !isIP(self.start) || !isIP(self.end) || ip(self.start).family() == 6 || ip(self.end).family() == 6 || [[self.start, self.end].map(a, a.split('.').map(o, int(o))).map(o, o[0] * 16777216 + o[1] * 65536 + o[2] * 256 + o[3])].all(n, n[0] <= n[1])","message":"start must not come after end"}]
 */
export interface HostLocalRange {
  /** The LAN's subnet, such as 192.168.1.0/24. */
  readonly subnet: Cidr;
  /** First address to hand out. Default: the subnet's first. */
  readonly start?: IpAddress;
  /** Last address to hand out. Default: the subnet's last. */
  readonly end?: IpAddress;
  /** The LAN's router. Default: none. */
  readonly gateway?: IpAddress;
}

/** Details of addresses from ranges that hold for the whole cluster. */
export interface PoolIpam {
  /**
   * Ranges to take addresses from; a pod gets one address of each address family.
   * @minItems 1
   * @maxItems 16
   * @listType atomic
   */
  readonly ranges: readonly PoolRange[];
  /**
   * Routes that pods get through this LAN.
   * @maxItems 64
   * @listType atomic
   */
  readonly routes?: readonly Route[];
  /** Name servers of this LAN, as told to the runtime. Kubernetes writes a pod's resolv.conf itself, from `dnsConfig` of the pod. */
  readonly dns?: Dns;
}

/**
 * A range of addresses inside a subnet, less what is excluded.
 * @validation [{"rule":"!has(self.start) || !isCIDR(self.subnet) || !isIP(self.start) || cidr(self.subnet).containsIP(self.start)","message":"start must lie inside subnet"},{"rule":"!has(self.end) || !isCIDR(self.subnet) || !isIP(self.end) || cidr(self.subnet).containsIP(self.end)","message":"end must lie inside subnet"},{"rule":"!has(self.gateway) || !isCIDR(self.subnet) || !isIP(self.gateway) || cidr(self.subnet).containsIP(self.gateway)","message":"gateway must lie inside subnet"},{"rule":"!has(self.start) || !has(self.end) || !isIP(self.start) || !isIP(self.end) || ip(self.start).family() == 6 || ip(self.end).family() == 6 || [[self.start, self.end].map(a, a.split('.').map(o, int(o))).map(o, o[0] * 16777216 + o[1] * 65536 + o[2] * 256 + o[3])].all(n, n[0] <= n[1])","message":"start must not come after end"},{"rule":"!has(self.exclude) || !isCIDR(self.subnet) || self.exclude.all(e, (!isIP(e) || cidr(self.subnet).containsIP(e)) && (!isCIDR(e) || cidr(self.subnet).containsCIDR(e)))","message":"what is excluded must lie inside subnet"}]
 */
export interface PoolRange {
  /** The LAN's subnet, such as 192.168.1.0/24. */
  readonly subnet: Cidr;
  /** First address to hand out. Default: the subnet's first that a host may have. */
  readonly start?: IpAddress;
  /** Last address to hand out. Default: the subnet's last that a host may have. */
  readonly end?: IpAddress;
  /** The LAN's router; never handed out. Default: none. */
  readonly gateway?: IpAddress;
  /**
   * Addresses and subnets in the range that are never handed out.
   * @maxItems 64
   * @listType set
   */
  readonly exclude?: readonly AddressOrCidr[];
}

/** A route in the pod. */
export interface Route {
  /** Destination, such as 10.0.0.0/8. */
  readonly to: Cidr;
  /** Router on this LAN. Default: the gateway of the ranges, or directly on the link. */
  readonly via?: IpAddress;
}

/** Name servers and how to use them. */
export interface Dns {
  /**
   * Addresses of the name servers.
   * @maxItems 8
   * @listType set
   */
  readonly nameservers?: readonly IpAddress[];
  /** Domain of the LAN. */
  readonly domain?: DomainName;
  /**
   * Domains in which short names are looked up.
   * @maxItems 32
   * @listType set
   */
  readonly search?: readonly DomainName[];
  /**
   * Options as in resolv.conf, such as ndots:2.
   * @maxItems 16
   * @listType set
   */
  readonly options?: readonly ResolverOption[];
}

/**
 * A DNS domain.
 * @maxLength 253
 * @validation {"rule":"self.matches('^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?$')","message":"must be a DNS domain such as home.arpa"}
 */
export type DomainName = string;

/**
 * An option of the resolver.
 * @maxLength 64
 * @validation {"rule":"self.matches('^[a-z0-9-]+(:[0-9]+)?$')","message":"must be an option of resolv.conf such as ndots:2"}
 */
export type ResolverOption = string;

/** A CNI IPAM configuration of your own. */
export interface RawIpam {
  /** Used as the plugin's `ipam`, key by key as it is written here. Its plugin has to be on the nodes. */
  readonly config: PluginConfig;
}
