// What the agent's process needs with few and with many pods on its node: the bundle, a real API server, real links. Prints JSON.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDist } from '../../scripts/build.ts';
import { NAMESPACE, NODE, POD } from '../../src/api/kube.ts';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE } from '../../src/api/v1alpha1/node-state.ts';
import { agentDaemonSetFor } from '../../src/domain/attachment/agent-daemonset.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { attachmentOn, podOn } from '../netns/support/agent.ts';
import { NIC, startLan } from '../netns/support/lan.ts';
import { openTunnel } from '../netns/support/tunnel.ts';
import { clientFor } from '../support/kube.ts';
import { until } from '../support/until.ts';
import { inFlight } from './rows.ts';

const PORT = 16443;
const SECRETS = '/var/run/secrets/kubernetes.io/serviceaccount';
/** How the DaemonSet starts the agent: flags for Node, and its environment as far as it is fixed. */
function settings(): { flags: readonly string[]; env: Record<string, string> } {
  const daemonSet = agentDaemonSetFor({
    namespace: 'x',
    image: 'x',
    pullPolicy: 'Never',
    serviceAccount: 'x',
    cniBinDir: '/x',
    logLevel: 'info',
    healthPort: 8080,
    metricsPort: 8081,
    entersPods: false,
    probesLan: false,
  });
  const spec = daemonSet.spec as { template: { spec: { containers: [{ command: string[]; env: EnvVar[] }] } } };
  const [{ command, env }] = spec.template.spec.containers;
  const fixed = env.flatMap(({ name, value }): [string, string][] => (value === undefined ? [] : [[name, value]]));
  return { flags: command.filter((word) => word.startsWith('--')), env: Object.fromEntries(fixed) };
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
}

export interface MemoryResult {
  readonly pods: number;
  /** As the kubelet counts it: what the cgroup uses without file pages that were not used lately. MiB. */
  readonly workingSetMiB: number;
  /** Memory that only this process has: what its end would give back. MiB. */
  readonly privateMiB: number;
  /** With the pages of program files, which it shares with every other Node process of the node. MiB. */
  readonly residentMiB: number;
  /** CPU time per second at rest, in percent of a core. */
  readonly restPercent: number;
}

/** Measures after the agent has told of all pods and has been at rest for a while. */
export async function measureMemory(counts: readonly number[] = [0, 250]): Promise<readonly MemoryResult[]> {
  await buildDist();
  const folder = mkdtempSync(join(tmpdir(), 'agent-memory-'));
  const group = `/sys/fs/cgroup/memory/agent-memory-${process.pid}`;
  const plane = await startControlPlane();
  const tunnel = await openTunnel(join(folder, 'api.sock'), Number(new URL(plane.url).port));
  const lab = await startLan();
  try {
    const admin = clientFor(plane);
    await plane.kubectl(['apply', '-f', join(import.meta.dirname, '../../crds')]);
    await until('the kinds are served', () =>
      admin
        .list(ATTACHMENT)
        .then(() => admin.list(NODE_STATE))
        .then(Boolean, () => false),
    );
    await admin.create(NAMESPACE, { metadata: { name: 'home' } });
    await admin.create(NODE, { metadata: { name: 'node-a' } });
    await admin.create(ATTACHMENT, {
      ...attachmentOn(NIC, { metadata: { finalizers: [] } }),
      spec: {
        namespaces: { names: ['home'] },
        parents: [{ interface: { name: NIC } }],
        hostAccess: { type: 'Routed' },
        ipam: { type: 'None' },
      },
    });
    mkdirSync(join(folder, 'cni'));
    writeFileSync(join(folder, 'cni/macvlan'), '', { mode: 0o755 });
    await lab.enter([
      'sh',
      '-c',
      `mkdir -p ${SECRETS} && printf %s ${plane.token} > ${SECRETS}/token && cp ${plane.caFile} ${SECRETS}/ca.crt`,
    ]);
    const inside = lab.spawn('node', [
      process.execPath,
      join(import.meta.dirname, '../netns/support/tunnel.ts'),
      String(PORT),
      join(folder, 'api.sock'),
    ]);
    if (inside.stdout !== null) await once(inside.stdout, 'data');

    const { flags, env } = settings();
    // Held back until it is in its cgroup: memory is charged to the group that a process is in when it takes it.
    const program = [
      'sh',
      '-c',
      'read go; exec "$@"',
      'sh',
      process.execPath,
      ...flags,
      join(import.meta.dirname, '../../dist/agent.mjs'),
    ];
    const child = lab.spawn('node', program, {
      ...env,
      NODE_NAME: 'node-a',
      CNI_BIN_PATH: join(folder, 'cni'),
      NET_SETTINGS_PATH: '/proc/sys/net',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(PORT),
    });
    mkdirSync(group);
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
    child.stdin?.write('go\n');
    child.stdout?.resume();
    const results: MemoryResult[] = [];
    let made = 0;
    for (const count of counts) {
      const names = Array.from({ length: count - made }, (_, i) => made + i);
      await inFlight(names, 16, async (i) => {
        const pod = podOn(`pod-${i}`, {
          ip: `10.9.0.${2 + (i % 250)}`,
          mac: `02:aa:00:00:00:${(i % 256).toString(16).padStart(2, '0')}`,
        });
        const { uid: _, ...metadata } = pod.metadata;
        await admin.create(POD, { metadata, spec: { nodeName: 'node-a', containers: [{ name: 'c', image: 'none' }] } });
      });
      made = Math.max(made, count);
      await until(
        'all is told',
        async () => {
          const { status } = (await admin.get(NODE_STATE, { name: 'node-a' })) ?? {};
          return status?.attachments?.[0]?.phase === 'Ready' && (status.pods?.length ?? 0) === count;
        },
        60_000,
      );
      results.push({ pods: count, ...(await look(child.pid ?? 0, group)) });
    }
    return results;
  } finally {
    await lab.stop();
    rmdirSync(group);
    tunnel.close();
    await plane.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function look(pid: number, group: string): Promise<Omit<MemoryResult, 'pods'>> {
  const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await rest(5000);
  const before = cpuMs(pid);
  await rest(20_000);
  const restPercent = (cpuMs(pid) - before) / 200;
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  const mib = (value: number) => Math.round((value / 1024) * 10) / 10;
  const usage = Number(readFileSync(join(group, 'memory.usage_in_bytes'), 'utf8'));
  const inactive = Number(
    /^total_inactive_file (\d+)$/m.exec(readFileSync(join(group, 'memory.stat'), 'utf8'))?.[1] ?? 0,
  );
  const workingSetMiB = mib((usage - inactive) / 1024);
  return {
    workingSetMiB,
    privateMiB: mib(kib('Private_Clean') + kib('Private_Dirty')),
    residentMiB: mib(kib('Rss')),
    restPercent,
  };
}

/** Time on a CPU of all threads, in milliseconds: to the nanosecond, where /proc/PID/stat counts ticks of ten milliseconds. */
function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(await measureMemory(), null, 2));
