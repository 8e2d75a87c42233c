// The `ipam` block that the macvlan plugin hands to the IPAM plugin, for each type of address assignment.
import { DHCP_SOCKET } from '../../api/names.ts';
import type { DhcpIpam, Dns, HostLocalRange, Ipam, PoolIpam, Route } from '../../api/v1alpha1/ipam.ts';
import { type Json, pluginConfigFor } from './plugin-config.ts';
import { gatewayFor } from './ranges.ts';

/** The IPAM block; nothing for a link without addresses. */
export function ipamConfigFor(ipam: Ipam): Json | undefined {
  switch (ipam.type) {
    case 'DHCP':
      return dhcpConfigFor(ipam.dhcp ?? {});
    case 'Static':
      return { type: 'static', ...routesBlock(ipam.static?.routes), ...dnsBlock(ipam.static?.dns) };
    case 'HostLocal':
      return {
        type: 'host-local',
        ranges: rangeSets(ipam.hostLocal?.ranges ?? []),
        ...routesBlock(ipam.hostLocal?.routes),
      };
    case 'Pool':
      return poolConfigFor(ipam.pool ?? { ranges: [] });
    case 'Raw':
      return ipam.raw === undefined ? undefined : pluginConfigFor(ipam.raw.config);
    default:
      return undefined;
  }
}

/** The arguments that Multus hands over, by what identifies the client. */
const CLIENT_IDS = { MAC: 'MAC', PodName: 'K8S_POD_NAME', Plugin: undefined } as const;

/**
 * What the DHCP client tells the server, and asks it for. With the MAC as client-id the address follows the MAC over restarts
 * and nodes; the argument is only there when the pod asks for a MAC, else the plugin falls back to an id of its own.
 */
function dhcpConfigFor({ clientId = 'MAC', hostName = 'PodName', request, daemon }: DhcpIpam): Json {
  const idFrom = CLIENT_IDS[clientId];
  const provide = [
    ...(idFrom === undefined ? [] : [{ option: 'dhcp-client-identifier', fromArg: idFrom }]),
    ...(hostName === 'None' ? [] : [{ option: 'host-name', fromArg: 'K8S_POD_NAME' }]),
  ];
  const asked = [
    ...(request?.options ?? []).map((option) => ({ option })),
    ...(request?.defaults === 'Omit' ? [{ skipDefault: true }] : []),
  ];
  const socket = daemon?.type === 'External' ? daemon.socketPath : DHCP_SOCKET;
  return {
    type: 'dhcp',
    ...(socket === undefined ? {} : { daemonSocketPath: socket }),
    ...(provide.length === 0 ? {} : { provide }),
    ...(asked.length === 0 ? {} : { request: asked }),
  };
}

/**
 * The stock `static` plugin without an address of its own: it takes what comes as `ips` with the pod. A pod that brings none
 * gets none, and macvlan refuses it, so that nobody runs with an address that nobody knows of.
 */
function poolConfigFor({ ranges, routes = [], dns }: PoolIpam): Json {
  const withRouters = routes.map((route) => {
    const via = route.via ?? gatewayFor(route, ranges); // the plugin knows nothing of ranges, and so of no gateway
    return via === undefined ? route : { ...route, via };
  });
  return { type: 'static', ...routesBlock(withRouters), ...dnsBlock(dns) };
}

/**
 * host-local gives a pod one address from each inner list, and wants one address family per list. So: a list of all IPv4
 * ranges, a list of all IPv6 ranges, the user's order kept within each (it is the order in which addresses go).
 */
function rangeSets(ranges: readonly HostLocalRange[]): readonly (readonly Json[])[] {
  const v4 = ranges.filter((range) => !isIPv6Text(range.subnet));
  const v6 = ranges.filter((range) => isIPv6Text(range.subnet));
  return [v4, v6].filter((set) => set.length > 0).map((set) => set.map(rangeConfigFor));
}

function rangeConfigFor(range: HostLocalRange): Json {
  return {
    subnet: range.subnet,
    ...(range.start === undefined ? {} : { rangeStart: range.start }),
    ...(range.end === undefined ? {} : { rangeEnd: range.end }),
    ...(range.gateway === undefined ? {} : { gateway: range.gateway }),
  };
}

function routesBlock(routes: readonly Route[] | undefined): Json {
  if (routes === undefined || routes.length === 0) return {};
  return { routes: routes.map(({ to, via }) => ({ dst: to, ...(via === undefined ? {} : { gw: via }) })) };
}

function dnsBlock(dns: Dns | undefined): Json {
  const { nameservers = [], domain, search = [], options = [] } = dns ?? {};
  const block = {
    ...(nameservers.length === 0 ? {} : { nameservers }),
    ...(domain === undefined ? {} : { domain }),
    ...(search.length === 0 ? {} : { search }),
    ...(options.length === 0 ? {} : { options }),
  };
  return Object.keys(block).length === 0 ? {} : { dns: block };
}

function isIPv6Text(cidr: string): boolean {
  return cidr.includes(':');
}
