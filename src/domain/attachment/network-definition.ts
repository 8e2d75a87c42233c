// What Multus and the CNI plugins read: one NetworkAttachmentDefinition per namespace, with the same bytes for the same attachment.
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../../api/multus.ts';
import { LABEL_ATTACHMENT, LABEL_MANAGED_BY, MANAGED_BY } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { HostLocalRange, Ipam, Route } from '../../api/v1alpha1/ipam.ts';
import { aliasFor } from './alias.ts';

type Json = Readonly<Record<string, unknown>>;

/** Since 1.0.0 only lists of plugins are legal, and every plugin release in use knows it. */
const CNI_VERSION = '1.0.0';

/** The NAD of the attachment in one namespace. Only fields that we own: it is what server-side apply sends. */
export function networkDefinitionFor(attachment: MacvlanAttachment, namespace: string): NetworkAttachmentDefinition {
  const { name } = attachment.metadata;
  return {
    apiVersion: NETWORK_ATTACHMENT_DEFINITION.apiVersion,
    kind: NETWORK_ATTACHMENT_DEFINITION.kind,
    metadata: { name, namespace, labels: { [LABEL_ATTACHMENT]: name, [LABEL_MANAGED_BY]: MANAGED_BY } },
    spec: { config: formatConfig(attachment) },
  };
}

/**
 * The CNI configuration list as text. Its `name` is the attachment's in every namespace: host-local keeps its addresses per
 * name, so two names would hand out one address twice on a node.
 */
export function formatConfig(attachment: MacvlanAttachment): string {
  const { name } = attachment.metadata;
  return JSON.stringify({ cniVersion: CNI_VERSION, name, plugins: [macvlanPluginFor(attachment)] });
}

function macvlanPluginFor(attachment: MacvlanAttachment): Json {
  const { spec } = attachment;
  const ipam = ipamConfigFor(spec.ipam);
  return {
    type: 'macvlan',
    // Without these the `mac` and `ips` of a pod's annotation are dropped without a word.
    capabilities: { mac: true, ips: true },
    master: aliasFor(attachment.metadata.name),
    mode: spec.mode ?? 'bridge',
    ...(spec.mtu === undefined ? {} : { mtu: spec.mtu }),
    ...(ipam === undefined ? {} : { ipam }),
  };
}

/** The IPAM block; nothing for a link without addresses. */
function ipamConfigFor(ipam: Ipam): Json | undefined {
  switch (ipam.type) {
    case 'DHCP':
      return { type: 'dhcp', provide: providedOptions(ipam) };
    case 'Static':
      return { type: 'static', ...routesBlock(ipam.static?.routes) };
    case 'HostLocal':
      return {
        type: 'host-local',
        ranges: rangeSets(ipam.hostLocal?.ranges ?? []),
        ...routesBlock(ipam.hostLocal?.routes),
      };
    default:
      return undefined;
  }
}

/**
 * What the DHCP client tells the server. With the MAC as client-id the address follows the MAC over restarts and nodes; the
 * argument is only there when the pod asks for a MAC, else the plugin falls back to an id of its own.
 */
function providedOptions(ipam: Ipam): readonly Json[] {
  const clientId = { MAC: 'MAC', PodName: 'K8S_POD_NAME', Plugin: undefined }[ipam.dhcp?.clientId ?? 'MAC'];
  return [
    ...(clientId === undefined ? [] : [{ option: 'dhcp-client-identifier', fromArg: clientId }]),
    { option: 'host-name', fromArg: 'K8S_POD_NAME' },
  ];
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

function isIPv6Text(cidr: string): boolean {
  return cidr.includes(':');
}
