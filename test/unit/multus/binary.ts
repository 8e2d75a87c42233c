// Which meta-plugin is tried: the stand-in, built from its sources, or the real one where MULTUS_BIN names it.
import { buildTools } from '../../cluster/binaries.ts';
import { multus } from '../../cluster/tools.ts';

/** Absolute path of the program. */
export async function multusBinary(): Promise<string> {
  const real = process.env['MULTUS_BIN'];
  if (real) return real;
  const { multus: built } = await buildTools([multus], () => {});
  if (built === undefined) throw new Error('the stand-in was not built');
  return built;
}

/** What the cluster network of these tests answers: a bridge on the node, eth0 in the pod, a default route without gateway. */
export function clusterAnswer(netns: string) {
  return {
    exit: 0,
    stdout: {
      cniVersion: '1.0.0',
      interfaces: [
        { name: 'cni0', mac: '02:00:00:00:01:01' },
        { name: 'veth0', mac: '02:00:00:00:01:02' },
        { name: 'eth0', mac: '02:00:00:00:01:03', sandbox: netns },
      ],
      ips: [{ address: '10.244.2.5/24', gateway: '10.244.2.1', interface: 2 }],
      routes: [{ dst: '0.0.0.0/0' }],
    },
    links: [{ name: 'eth0', address: '10.244.2.5/24', gateway: '10.244.2.1' }],
  };
}

export const clusterStatus = {
  name: 'cbr',
  interface: 'eth0',
  ips: ['10.244.2.5'],
  mac: '02:00:00:00:01:03',
  default: true,
  dns: {},
  gateway: ['<nil>'],
};
