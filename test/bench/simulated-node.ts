// Nodes and agents' reports of a usual size: a Node has dozens of images, a report its candidate NICs and its pods.
import type { Node, ObjectMeta } from '../../src/api/kube.ts';
import type { MacvlanNodeStateStatus, NodeAttachment } from '../../src/api/v1alpha1/node-state.ts';

const IMAGES = 40;
const NICS = 4;

/** A Node that is Ready, as heavy as they are. */
export function fullNode(name: string): Node {
  const digest = (index: number) => index.toString(16).padStart(64, '0');
  const images = Array.from({ length: IMAGES }, (_, index) => ({
    names: [
      `registry.example/team/service-${index}@sha256:${digest(index)}`,
      `registry.example/team/service-${index}:v1`,
    ],
    sizeBytes: 50_000_000 + index,
  }));
  const since = new Date().toISOString();
  const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
    type,
    status: type === 'Ready' ? 'True' : 'False',
    reason: 'Bench',
    message: 'A sentence of a usual length, as a kubelet writes it.',
    lastTransitionTime: since,
  }));
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'topology.kubernetes.io/zone': 'zone-a',
    'node.kubernetes.io/instance-type': 'large',
  };
  const status = { conditions, images, nodeInfo: {} };
  return { metadata: { name, labels, annotations: { note: 'x'.repeat(300) } }, status } as Node;
}

/** An attachment, as an agent knows it. */
type Named = Pick<ObjectMeta, 'name' | 'uid'>;

/** What the agent of a node says: the attachments ready on one NIC, the pods spread over them. */
export function reportFor(
  node: number,
  attachments: readonly Named[],
  pods: number,
  phase: NodeAttachment['phase'] = 'Ready',
): MacvlanNodeStateStatus {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return {
    agent: { version: '0.1.0', bootId: `boot-of-${node}` },
    interfaces: Array.from({ length: NICS }, (_, index) => ({
      name: `enp${index}s0`,
      ifindex: index + 2,
      mac: `02:00:00:${hex(node >> 8)}:${hex(node & 255)}:${hex(index)}`,
      pciAddress: `0000:0${index}:00.0`,
      driver: 'igc',
      mtu: 1500,
      state: 'Up',
      addresses: [`10.${node >> 8}.${node & 255}.${index}/16`],
    })),
    attachments: attachments.map(({ name, uid }) => ({
      name,
      ...(uid === undefined ? {} : { uid }),
      phase,
      observedGeneration: 1,
      interface: 'enp0s0',
      ifindex: 2,
      incarnation: `boot-of-${node}/2`,
      hostAccess: 'None',
    })),
    pods: Array.from({ length: pods }, (_, index) => ({
      namespace: 'bench',
      name: `deployment-of-someone-7d4f8b9c6-${node}-${index}`,
      uid: `00000000-0000-4000-8000-${String(node * 100 + index).padStart(12, '0')}`,
      attachment: attachments[index % attachments.length]?.name ?? '',
      interface: 'net1',
      mac: `02:4d:00:${hex(node >> 8)}:${hex(node & 255)}:${hex(index)}`,
      ips: [`192.168.${node & 255}.${index}`],
      state: 'Attached',
    })),
  };
}
