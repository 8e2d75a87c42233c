// The DaemonSet of the DHCP daemons: on the nodes that the controller has labelled for it, with the rights that an address costs.
import { DHCP_FOLDER, DHCP_NAME, LABEL_DHCP } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import {
  type DaemonSet,
  NETNS_FOLDER,
  NODE_POD,
  type NodeProgramSettings,
  nodeCommand,
  nodeDaemonSet,
  ONE_ARENA,
  RESULTS_FOLDER,
  rootWith,
} from './node-daemonset.ts';

/** The account of the daemons, which has no rights at all. */
export const DHCP_ACCOUNT = DHCP_NAME;

/** Where the node's root is seen from the daemon: it puts this before every path of the node that it is told. */
const PREFIX = '/host';

/** Whether pods of the attachment have their leases from the operator's own daemon. */
export function wantsDhcpDaemon({ spec: { ipam } }: MacvlanAttachment): boolean {
  return ipam.type === 'DHCP' && ipam.dhcp?.daemon?.type !== 'External';
}

/** The DaemonSet as it should be. */
export function dhcpDaemonSetFor(settings: NodeProgramSettings): DaemonSet {
  const shape = {
    name: DHCP_NAME,
    component: 'dhcp',
    // While a daemon is away, no pod of its node that has an address by DHCP can start or end. So an upgrade of the operator
    // changes the template and leaves the daemons alone; whoever deletes one of their pods gets the new one.
    updateStrategy: { type: 'OnDelete' },
    podSpec: podSpecFor(settings),
  };
  return nodeDaemonSet(shape, settings);
}

function podSpecFor(settings: NodeProgramSettings): Readonly<Record<string, unknown>> {
  return {
    serviceAccountName: DHCP_ACCOUNT,
    // It asks nothing of the API server.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    nodeSelector: { [LABEL_DHCP]: 'true' },
    // Pods of the cluster's network may be waiting for the addresses that come from here.
    hostNetwork: true,
    ...NODE_POD,
    containers: [containerFor(settings)],
    volumes: [
      { name: 'sockets', hostPath: { path: DHCP_FOLDER, type: 'DirectoryOrCreate' } },
      // The first pod of a node makes these; the daemon may be there before it.
      ...NETNS.map(({ name }) => ({ name, hostPath: { path: NETNS_FOLDER, type: 'DirectoryOrCreate' } })),
      { name: 'multus-results', hostPath: { path: RESULTS_FOLDER, type: 'DirectoryOrCreate' } },
    ],
  };
}

/** Runtimes name the namespaces of pods by either path; to the node they are the same folder. */
const NETNS = [
  { name: 'netns', path: NETNS_FOLDER },
  { name: 'var-run-netns', path: '/var/run/netns' },
];

function containerFor(settings: NodeProgramSettings): Readonly<Record<string, unknown>> {
  return {
    name: 'dhcp',
    image: settings.image,
    imagePullPolicy: settings.pullPolicy,
    command: nodeCommand('/app/dhcp.mjs'),
    env: [{ name: 'HOST_PREFIX', value: PREFIX }, { name: 'LOG_LEVEL', value: settings.logLevel }, ONE_ARENA],
    resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '192Mi' } },
    // SYS_ADMIN enters the network namespaces of pods, NET_RAW speaks DHCP before there is an address, NET_ADMIN switches links on.
    securityContext: rootWith(['NET_ADMIN', 'NET_RAW', 'SYS_ADMIN']),
    volumeMounts: [
      { name: 'sockets', mountPath: `${PREFIX}${DHCP_FOLDER}` },
      // Namespaces are mounts: those of later pods have to come through.
      ...NETNS.map(({ name, path }) => ({
        name,
        mountPath: `${PREFIX}${path}`,
        readOnly: true,
        mountPropagation: 'HostToContainer',
      })),
      { name: 'multus-results', mountPath: `${PREFIX}${RESULTS_FOLDER}`, readOnly: true },
    ],
  };
}
