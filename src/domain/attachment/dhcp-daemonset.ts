// The DaemonSet of the DHCP daemons: on the nodes that the controller has labelled for it, with the rights that an address costs.
import type { OwnerReference } from '../../api/kube.ts';
import {
  ANNOTATION_TEMPLATE,
  DHCP_FOLDER,
  DHCP_NAME,
  LABEL_DHCP,
  LABEL_MANAGED_BY,
  MANAGED_BY,
} from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { base32, hash64 } from '../net/hash.ts';
import { DAEMON_SET, type DaemonSet } from './agent-daemonset.ts';

/** What differs from one installation to the next. */
export interface DhcpSettings {
  /** The operator's own namespace. */
  readonly namespace: string;
  readonly image: string;
  readonly pullPolicy: string;
  readonly logLevel: string;
  /** Dies with this object, which the chart makes: an uninstall takes the daemons along. */
  readonly owner?: OwnerReference;
}

/** The account of the daemons, which has no rights at all. */
export const DHCP_ACCOUNT = DHCP_NAME;

/** Where the node's root is seen from the daemon: it puts this before every path of the node that it is told. */
const PREFIX = '/host';
const SELECTOR = { 'app.kubernetes.io/name': DHCP_NAME };
const LABELS = { ...SELECTOR, 'app.kubernetes.io/component': 'dhcp', [LABEL_MANAGED_BY]: MANAGED_BY };

/** Whether pods of the attachment have their leases from the operator's own daemon. */
export function wantsDhcpDaemon({ spec: { ipam } }: MacvlanAttachment): boolean {
  return ipam.type === 'DHCP' && ipam.dhcp?.daemon?.type !== 'External';
}

/** The DaemonSet as it should be. Only fields that we own; the server fills in the rest. */
export function dhcpDaemonSetFor(settings: DhcpSettings): DaemonSet {
  const spec = {
    selector: { matchLabels: SELECTOR },
    // While a daemon is away, no pod of its node that has an address by DHCP can start or end. So an upgrade of the operator
    // changes the template and leaves the daemons alone; whoever deletes one of their pods gets the new one.
    updateStrategy: { type: 'OnDelete' },
    template: { metadata: { labels: LABELS }, spec: podSpecFor(settings) },
  };
  return {
    apiVersion: DAEMON_SET.apiVersion,
    kind: DAEMON_SET.kind,
    metadata: {
      name: DHCP_NAME,
      namespace: settings.namespace,
      labels: LABELS,
      annotations: { [ANNOTATION_TEMPLATE]: base32(hash64(JSON.stringify(spec)), 13) },
      ...(settings.owner === undefined ? {} : { ownerReferences: [settings.owner] }),
    },
    spec,
  };
}

function podSpecFor(settings: DhcpSettings): Readonly<Record<string, unknown>> {
  return {
    serviceAccountName: DHCP_ACCOUNT,
    // It asks nothing of the API server.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    nodeSelector: { [LABEL_DHCP]: 'true' },
    // Pods of the cluster's network may be waiting for the addresses that come from here.
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 10,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    containers: [containerFor(settings)],
    volumes: [
      { name: 'sockets', hostPath: { path: DHCP_FOLDER, type: 'DirectoryOrCreate' } },
      // The first pod of a node makes these; the daemon may be there before it.
      ...NETNS.map(({ name }) => ({ name, hostPath: { path: '/run/netns', type: 'DirectoryOrCreate' } })),
      { name: 'multus-results', hostPath: { path: RESULTS, type: 'DirectoryOrCreate' } },
    ],
  };
}

/** Where Multus keeps what the plugins answered: which pods have leases. */
const RESULTS = '/var/lib/cni/multus/results';
/** Runtimes name the namespaces of pods by either path; to the node they are the same folder. */
const NETNS = [
  { name: 'netns', path: '/run/netns' },
  { name: 'var-run-netns', path: '/var/run/netns' },
];

function containerFor(settings: DhcpSettings): Readonly<Record<string, unknown>> {
  return {
    name: 'dhcp',
    image: settings.image,
    imagePullPolicy: settings.pullPolicy,
    command: ['/usr/local/bin/node', '--max-semi-space-size=1', '--v8-pool-size=1', '/app/dhcp.mjs'],
    env: [
      { name: 'HOST_PREFIX', value: PREFIX },
      { name: 'LOG_LEVEL', value: settings.logLevel },
      { name: 'MALLOC_ARENA_MAX', value: '1' },
    ],
    resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '192Mi' } },
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      // SYS_ADMIN enters the network namespaces of pods, NET_RAW speaks DHCP before there is an address, NET_ADMIN switches links on.
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW', 'SYS_ADMIN'] },
    },
    volumeMounts: [
      { name: 'sockets', mountPath: `${PREFIX}${DHCP_FOLDER}` },
      // Namespaces are mounts: those of later pods have to come through.
      ...NETNS.map(({ name, path }) => ({
        name,
        mountPath: `${PREFIX}${path}`,
        readOnly: true,
        mountPropagation: 'HostToContainer',
      })),
      { name: 'multus-results', mountPath: `${PREFIX}${RESULTS}`, readOnly: true },
    ],
  };
}
