// The NIC is replaced under running pods: how long until each has its link again, from the moment when the new NIC is switched on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodePod } from '../../src/api/v1alpha1/node-state.ts';
import { formatConfig } from '../../src/domain/attachment/network-definition.ts';
import { attachmentOn, LabAgent, podOn } from '../netns/support/agent.ts';
import type { Lab } from '../netns/support/lab.ts';
import { NIC, NODE_IP, startLan } from '../netns/support/lan.ts';
import { until } from '../support/until.ts';
import { percentile, type Row } from './rows.ts';

const ROUNDS = 5;
const PODS = [10, 50, 100, 250];
/** For a hundred pods; in proportion for more. */
const TARGET_MS = 500;

const ATTACHMENT = attachmentOn(NIC, {
  spec: { ipam: { type: 'Static' }, pins: 'Allow', repair: { type: 'InPlace' } },
});

interface BenchPod {
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
}

/** One row per number of pods. */
export async function repairRows(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const pods of PODS) {
    const { agent, floor } = await measureRepair(pods, ROUNDS);
    const target = TARGET_MS * Math.max(1, pods / 100);
    const [measured, least] = [percentile(agent, 0.5), percentile(floor, 0.5)];
    rows.push({
      work: `parent replaced → ${pods} pods repaired in place, and told`,
      measured: `p50 ${measured.toFixed(0)} ms, worst ${Math.max(...agent).toFixed(0)} ms`,
      floor: `p50 ${least.toFixed(0)} ms (ip -batch)`,
      ratio: (measured / least).toFixed(2),
      target: `p50 ≤ ${target} ms`,
      met: measured <= target,
    });
  }
  return rows;
}

/** Milliseconds per round, with the agent; and with ip(8): one batch on the node, and one in each pod. */
async function measureRepair(
  count: number,
  rounds: number,
): Promise<{ agent: readonly number[]; floor: readonly number[] }> {
  const lab = await startLan();
  const folder = mkdtempSync(join(tmpdir(), 'repair-bench-'));
  try {
    const pods = Array.from({ length: count }, (_, i) => ({
      name: `many${i}`,
      ip: `10.9.1.${i + 1}`,
      mac: `02:aa:00:00:01:${i.toString(16).padStart(2, '0')}`,
    }));
    await settle(lab, folder, pods);
    const objects = [
      { kind: 'attachment' as const, object: ATTACHMENT },
      ...pods.map(({ name, ip, mac }) => ({ kind: 'pod' as const, object: podOn(name, { ip, mac }) })),
    ];
    const agent = LabAgent.start(lab, 'node', { objects, links: 'Real' });
    const all = (states: readonly NodePod['state'][]) =>
      agent.status.pods?.length === count && agent.status.pods.every((pod) => states.includes(pod.state));
    await until('all are known', () => all(['Attached']), 60_000);
    const withAgent: number[] = [];
    for (let round = 0; round < rounds + 1; round++) {
      await replug(lab, async () => void (await until('all are ghosts', () => all(['Ghost']), 60_000)));
      const begin = performance.now();
      await lab.ip('node', `link set ${NIC} up`);
      await until('all are repaired', () => all(['Repaired']), 60_000);
      withAgent.push(performance.now() - begin);
    }
    await agent.stop();
    const floor: number[] = [];
    for (let round = 0; round < rounds + 1; round++) {
      await replug(lab, async () => {});
      const begin = performance.now();
      await lab.ip('node', `link set ${NIC} up`);
      await lab.enter(['sh', '-e', join(folder, 'repair.sh')]);
      floor.push(performance.now() - begin);
    }
    // The first one is compiled while it runs.
    return { agent: withAgent.slice(1), floor: floor.slice(1) };
  } finally {
    await lab.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Links and cache files as CNI would leave them, and a script that makes the links again as somebody would who knows them. */
async function settle(lab: Lab, folder: string, pods: readonly BenchPod[]): Promise<void> {
  const config = Buffer.from(formatConfig(ATTACHMENT)).toString('base64');
  const batch: string[] = [];
  const inPods: string[] = [];
  for (const { name, ip, mac } of pods) {
    const netns = `/var/run/netns/${name}`;
    const cniArgs = Object.entries({ K8S_POD_NAMESPACE: 'home', K8S_POD_NAME: name, K8S_POD_UID: `uid-${name}` });
    const interfaces = [{ name: 'net1', mac, sandbox: netns }];
    const result = { interfaces, ips: [{ address: `${ip}/16`, interface: 0 }] };
    const file = { kind: 'cniCacheV1', config, cniArgs, ifName: 'net1', netns, networkName: 'lan', result };
    writeFileSync(join(folder, `lan-${name}-net1`), JSON.stringify(file));
    batch.push(`link add name net1 link ${NIC} netns ${name} address ${mac} type macvlan mode bridge`);
    inPods.push(`printf 'addr add ${ip}/16 dev net1\\nlink set net1 up\\n' | ip -n ${name} -batch -`);
  }
  writeFileSync(join(folder, 'links'), `${batch.join('\n')}\n`);
  writeFileSync(join(folder, 'repair.sh'), [`ip -n node -batch ${folder}/links`, ...inPods, ''].join('\n'));
  const namespaces = pods.map(({ name }) => `ip netns add ${name}`).join('\n');
  const cache = `mkdir -p /run/var-lib/cni/results && cp ${folder}/lan-* /run/var-lib/cni/results/`;
  await lab.enter(['sh', '-ec', `${namespaces}\n${cache}\nsh -e ${folder}/repair.sh`]);
}

/** The NIC goes with all links on it; a new one comes, on a cable that is live, and is off. */
async function replug(lab: Lab, whileAway: () => Promise<void>): Promise<void> {
  await lab.ip('router', 'link del sw0');
  await whileAway();
  await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
  await lab.ip('router', 'link set sw0 up');
  await lab.ip('node', `addr add ${NODE_IP}/24 dev ${NIC}`);
}
