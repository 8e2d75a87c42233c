// The agent as it really runs: its own process with NET_ADMIN alone, in-cluster credentials, and a real API server.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { buildAddon } from '../../scripts/build-addon.ts';
import { NODE, POD } from '../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import { type MacvlanNodeState, NODE_STATE, type NodeAttachment } from '../../src/api/v1alpha1/node-state.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';
import { useControlPlane } from '../support/control-plane.ts';
import { clientFor } from '../support/kube.ts';
import { until } from '../support/until.ts';
import { attachmentOn, podOn } from './support/agent.ts';
import type { Lab } from './support/lab.ts';
import { NIC, plugPod, startLan } from './support/lan.ts';
import { limitedTo } from './support/rights.ts';
import { openTunnel } from './support/tunnel.ts';

jest.setTimeout(60_000);

/** Verb by verb, all that an agent asks of the API server. */
const RULES = [
  { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list', 'watch'] },
  { apiGroups: ['macvlan.dev'], resources: ['macvlanattachments'], verbs: ['list', 'watch'] },
  { apiGroups: ['macvlan.dev'], resources: ['macvlannodestates'], verbs: ['list', 'watch', 'create'] },
  { apiGroups: ['macvlan.dev'], resources: ['macvlannodestates/status'], verbs: ['patch'] },
];
const USER = { token: 'token-of-the-agent', user: 'agent' };
const SECRETS = '/var/run/secrets/kubernetes.io/serviceaccount';
const PORT = 16443;

const plane = useControlPlane({ users: [USER], audit: 'Metadata' });
const folder = mkdtempSync(join(tmpdir(), 'agent-process-'));
let admin: KubeClient;
let lab: Lab;
let tunnel: Server;
const started: ChildProcess[] = [];

beforeAll(async () => {
  const { url, token, ca, kubectl } = plane();
  admin = clientFor({ url, token, ca });
  await kubectl(['apply', '-f', join(import.meta.dirname, '../../crds')]);
  await until('the kinds are served', async () => {
    const lists = [admin.list(ATTACHMENT), admin.list(NODE_STATE)];
    return (await Promise.allSettled(lists)).every((list) => list.status === 'fulfilled');
  });
  const subjects = [{ kind: 'User', name: USER.user, apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'agent' };
  for (const object of [
    { kind: 'ClusterRole', rules: RULES },
    { kind: 'ClusterRoleBinding', subjects, roleRef },
  ]) {
    const whole = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'agent' }, ...object };
    await kubectl(['apply', '-f', '-'], { input: JSON.stringify(whole) });
  }
  await kubectl(['create', 'namespace', 'home']);
  await admin.create(NODE, { metadata: { name: 'node-a', labels: { 'kubernetes.io/hostname': 'node-a' } } });
  tunnel = await openTunnel(join(folder, 'api.sock'), Number(new URL(url).port));
});

afterAll(() => {
  tunnel.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  lab = await startLan(['pod']);
  const { token } = USER;
  const files = `mkdir -p ${SECRETS} && printf %s ${token} > ${SECRETS}/token && cp ${plane().caFile} ${SECRETS}/ca.crt`;
  await lab.enter(['sh', '-c', files]);
  const inside = [
    process.execPath,
    join(import.meta.dirname, 'support/tunnel.ts'),
    String(PORT),
    join(folder, 'api.sock'),
  ];
  const child = lab.spawn('node', inside);
  if (child.stdout !== null) await once(child.stdout, 'data');
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (process.env['SHOW_LOGS'] !== undefined) console.log(logs.get(child)?.());
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  await lab.stop();
  for (const { metadata } of (await admin.list(ATTACHMENT)).items) await admin.delete(ATTACHMENT, metadata);
  await admin.delete(NODE_STATE, { name: 'node-a' });
});

/** The real program, with no capability but NET_ADMIN. */
function startAgent(): ChildProcess {
  const program = join(import.meta.dirname, '../../src/agent/main.ts');
  const child = lab.spawn('node', [...limitedTo(['+net_admin']), process.execPath, program], {
    NODE_NAME: 'node-a',
    NETLINK_ADDON: buildAddon(),
    CNI_BIN_PATH: join(folder, 'cni'),
    MULTUS_RESULTS_PATH: join(folder, 'results'),
    NETNS_PATH: '/run/netns',
    NET_SETTINGS_PATH: '/proc/sys/net',
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(PORT),
    LOG_LEVEL: 'info',
  });
  let log = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  logs.set(child, () => log);
  started.push(child);
  return child;
}

const logs = new WeakMap<ChildProcess, () => string>();

const state = (): Promise<MacvlanNodeState | undefined> => admin.get(NODE_STATE, { name: 'node-a' });

async function entry(phase: NodeAttachment['phase']): Promise<NodeAttachment> {
  const find = async () => (await state())?.status?.attachments?.find((item) => item.name === 'lan');
  await until(`lan is ${phase}`, async () => (await find())?.phase === phase);
  return (await find()) ?? { name: 'lan', phase };
}

async function installPlugins(): Promise<void> {
  await lab.enter(['sh', '-c', `mkdir -p ${folder}/cni && cd ${folder}/cni && cp /bin/true macvlan`]);
}

/** What libcni keeps of an ADD. */
function remember(uid: string, { ip, mac }: { ip: string; mac: string }): void {
  const [netns, config] = ['/run/netns/pod', { type: 'macvlan', master: 'mva-lan' }];
  const file = {
    ...{ networkName: 'lan', ifName: 'net1', netns, config: Buffer.from(JSON.stringify(config)).toString('base64') },
    cniArgs: Object.entries({ K8S_POD_NAMESPACE: 'home', K8S_POD_NAME: 'web', K8S_POD_UID: uid }),
    result: { interfaces: [{ name: 'net1', mac, sandbox: netns }], ips: [{ address: `${ip}/24`, interface: 0 }] },
  };
  mkdirSync(join(folder, 'results'), { recursive: true });
  writeFileSync(join(folder, 'results/lan-0123-net1'), JSON.stringify(file));
}

let touches = 0;

/** Whatever changes about a pod makes the agent look at it. */
async function touchPod(): Promise<void> {
  touches++;
  const annotations = { [ANNOTATION_NETWORK_STATUS]: `nonsense ${touches}` };
  await admin.mergePatch(POD, { namespace: 'home', name: 'web' }, { metadata: { annotations } });
}

const ROUTED: MacvlanAttachment = attachmentOn(NIC, {
  metadata: { finalizers: [] },
  spec: {
    parents: [{ interface: { name: NIC } }],
    hostAccess: { type: 'Routed' },
    ipam: { type: 'None' },
  },
});

describe('the agent process', () => {
  test('does the whole job with NET_ADMIN alone, and leaves links when it is stopped', async () => {
    await installPlugins();
    const child = startAgent();
    await admin.create(ATTACHMENT, ROUTED);
    const ready = await entry('Ready');
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(ready.incarnation).toBe(`${bootId}/${ready.ifindex}`);
    const created = await state();
    const node = await admin.get(NODE, { name: 'node-a' });
    expect(created?.metadata.ownerReferences).toMatchObject([
      { kind: 'Node', name: 'node-a', uid: node?.metadata.uid },
    ]);

    const link = { ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };
    const { annotations } = podOn('web', link).metadata;
    await plugPod(lab, 'pod', { parent: 'mva-lan', ...link });
    const made = await admin.create(POD, {
      metadata: { name: 'web', namespace: 'home', ...(annotations === undefined ? {} : { annotations }) },
      spec: { nodeName: 'node-a', containers: [{ name: 'web', image: 'none' }] },
    });
    const shim = created?.status?.shims?.[0]?.name ?? '';
    await until('the pod in the state', async () => (await state())?.status?.pods?.length === 1);
    await until('the doubt', async () => (await entry('Ready')).problems?.[0]?.reason === 'PodLinkUnproven');
    expect(await lab.show('node', `route show dev ${shim}`)).toEqual([]);
    remember(made.metadata.uid ?? '', link);
    await touchPod();
    await until('a route', async () => (await lab.show('node', `route show dev ${shim}`)).length === 1);
    rmSync(join(folder, 'results'), { recursive: true });
    await touchPod();
    await until('no route', async () => (await lab.show('node', `route show dev ${shim}`)).length === 0);

    const pid = (await lab.enter(['sh', '-c', 'pgrep -f "^[^ ]*node [^ ]*src/agent/main.ts" -n'])).trim();
    const effective = /CapEff:\s*(\S+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    expect(effective).toBe('0000000000001000');

    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(logs.get(child)?.()).toContain('"msg":"stopped"');
    expect(await lab.show('node', `link show dev ${shim}`)).toHaveLength(1);
  });

  test('says which CNI plugin is missing and takes up the work once it is there', async () => {
    await lab.enter(['sh', '-c', `rm -rf ${folder}/cni`]);
    startAgent();
    await admin.create(ATTACHMENT, ROUTED);
    expect((await entry('Failed')).problems).toMatchObject([{ reason: 'CniPluginMissing' }]);
    await installPlugins();
    await entry('Ready');
  });

  test('makes no state without attachments, and writes nothing while nothing changes', async () => {
    startAgent();
    await until('the agent is ready', async () => {
      const answer = await lab.exec('node', [
        process.execPath,
        '-e',
        "fetch('http://127.0.0.1:8080/readyz').then(r => console.log(r.status), () => {})",
      ]);
      return answer.trim() === '200';
    });
    expect(await state()).toBeUndefined();
    await installPlugins();
    await admin.create(ATTACHMENT, ROUTED);
    await entry('Ready');
    const version = (await state())?.metadata.resourceVersion;
    await lab.ip('node', 'link add noise type veth peer name esion');
    await lab.ip('node', 'link del noise');
    await lab.ip('node', `neigh replace 10.9.0.200 lladdr 02:00:00:00:00:01 dev ${NIC}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = await state();
    expect(after?.status?.attachments?.[0]?.phase).toBe('Ready');
    // The pair that came and went may have been seen as candidates: nothing else may have been written.
    expect(Number(after?.metadata.resourceVersion) - Number(version)).toBeLessThan(5);
  });

  test('makes its state anew when somebody deletes it', async () => {
    await installPlugins();
    startAgent();
    await admin.create(ATTACHMENT, ROUTED);
    await entry('Ready');
    const first = (await state())?.metadata.uid;
    await admin.delete(NODE_STATE, { name: 'node-a' });
    await until('another state', async () => {
      const uid = (await state())?.metadata.uid;
      return uid !== undefined && uid !== first;
    });
    await entry('Ready');
  });

  test('asks for nothing that its role does not grant', () => {
    const lines = readFileSync(plane().auditLog ?? '', 'utf8')
      .split('\n')
      .filter((line) => line.includes('"username":"agent"'));
    const requests = lines.map(
      (line) => JSON.parse(line) as { responseStatus?: { code?: number }; verb: string; requestURI: string },
    );
    const refused = requests.filter((request) => request.responseStatus?.code === 403);
    expect(requests.length).toBeGreaterThan(10);
    expect(refused.map((request) => `${request.verb} ${request.requestURI}`)).toEqual([]);
  });
});
