// A node whose agents are the real program: in-cluster credentials, NET_ADMIN alone, and an API server at the end of a wire that can be cut.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAddon } from '../../../scripts/build-addon.ts';
import { NAMESPACE, NODE } from '../../../src/api/kube.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { type MacvlanNodeState, NODE_STATE, type NodeAttachment } from '../../../src/api/v1alpha1/node-state.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import type { Lab } from './lab.ts';
import { startLan } from './lan.ts';
import { limitedTo } from './rights.ts';
import { openTunnel } from './tunnel.ts';

const SECRETS = '/var/run/secrets/kubernetes.io/serviceaccount';
const PORT = 16443;
/** The usual right of an agent. */
const NET_ADMIN = limitedTo(['+net_admin']);

export class AgentHost {
  readonly lab: Lab;
  readonly admin: KubeClient;
  readonly #plane: ControlPlane;
  readonly #folder: string;
  readonly #wire: TcpProxy;
  #tunnel: Server;

  private constructor(parts: {
    plane: ControlPlane;
    lab: Lab;
    admin: KubeClient;
    folder: string;
    wire: TcpProxy;
    tunnel: Server;
  }) {
    this.#plane = parts.plane;
    this.lab = parts.lab;
    this.admin = parts.admin;
    this.#folder = parts.folder;
    this.#wire = parts.wire;
    this.#tunnel = parts.tunnel;
  }

  /** A fresh LAN with the node `node-a`, on a control plane on which nothing else is tested. */
  static async start(plane: ControlPlane, namespaces: readonly string[] = []): Promise<AgentHost> {
    const admin = clientFor(plane);
    await plane.kubectl(['apply', '-f', join(import.meta.dirname, '../../../crds')]);
    await until('the kinds are served', async () => {
      const lists = [admin.list(ATTACHMENT), admin.list(NODE_STATE)];
      return (await Promise.allSettled(lists)).every((list) => list.status === 'fulfilled');
    });
    const labels = { 'kubernetes.io/hostname': 'node-a' };
    if ((await admin.get(NODE, { name: 'node-a' })) === undefined) {
      await admin.create(NODE, { metadata: { name: 'node-a', labels } });
      await admin.create(NAMESPACE, { metadata: { name: 'home' } });
    }
    const wire = new TcpProxy(new URL(plane.url));
    await wire.start();
    const folder = mkdtempSync(join(tmpdir(), 'agent-host-'));
    mkdirSync(join(folder, 'cni'));
    writeFileSync(join(folder, 'cni/macvlan'), '', { mode: 0o755 });
    const tunnel = await openTunnel(join(folder, 'api.sock'), wire.port);
    const lab = await startLan(namespaces);
    const files = `mkdir -p ${SECRETS} && printf %s ${plane.token} > ${SECRETS}/token && cp ${plane.caFile} ${SECRETS}/ca.crt`;
    await lab.enter(['sh', '-c', files]);
    const inside = [join(import.meta.dirname, 'tunnel.ts'), String(PORT), join(folder, 'api.sock')];
    const child = lab.spawn('node', [process.execPath, ...inside]);
    if (child.stdout !== null) await once(child.stdout, 'data');
    return new AgentHost({ plane, lab, admin, folder, wire, tunnel });
  }

  /** The program, with ports of its own for probes and metrics. */
  startAgent(init: { healthPort?: number; env?: Record<string, string> } = {}): HostAgent {
    const { healthPort = 8080, env = {} } = init;
    const program = join(import.meta.dirname, '../../../src/agent/main.ts');
    const child = this.lab.spawn('node', [...NET_ADMIN, process.execPath, program], {
      NODE_NAME: 'node-a',
      NETLINK_ADDON: buildAddon(),
      CNI_BIN_PATH: join(this.#folder, 'cni'),
      MULTUS_RESULTS_PATH: join(this.#folder, 'results'),
      NETNS_PATH: '/run/netns',
      NET_SETTINGS_PATH: '/proc/sys/net',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(PORT),
      HEALTH_PORT: String(healthPort),
      METRICS_PORT: String(healthPort + 1),
      LOG_LEVEL: 'info',
      ...env,
    });
    return new HostAgent(child, this.lab, healthPort);
  }

  /** What libcni keeps of an ADD. */
  remember(pod: string, uid: string, link: { netns: string; ip: string; mac: string }): void {
    const { netns, ip, mac } = link;
    const config = { type: 'macvlan', master: 'mva-lan' };
    const file = {
      ...{ networkName: 'lan', ifName: 'net1', netns, config: Buffer.from(JSON.stringify(config)).toString('base64') },
      cniArgs: Object.entries({ K8S_POD_NAMESPACE: 'home', K8S_POD_NAME: pod, K8S_POD_UID: uid }),
      result: { interfaces: [{ name: 'net1', mac, sandbox: netns }], ips: [{ address: `${ip}/24`, interface: 0 }] },
    };
    mkdirSync(join(this.#folder, 'results'), { recursive: true });
    writeFileSync(join(this.#folder, `results/lan-${pod}-net1`), JSON.stringify(file));
  }

  async state(): Promise<MacvlanNodeState | undefined> {
    return this.admin.get(NODE_STATE, { name: 'node-a' });
  }

  async hasEntry(name: string, phase: NodeAttachment['phase']): Promise<NodeAttachment> {
    const find = async () => (await this.state())?.status?.attachments?.find((item) => item.name === name);
    await until(`${name} is ${phase}`, async () => (await find())?.phase === phase);
    return (await find()) ?? { name, phase };
  }

  /** The API server is there and says nothing any more: the wire is dead. */
  freezeApi(): void {
    this.#wire.freeze();
  }

  /** Nothing listens any more; every connection is reset. */
  async refuseApi(): Promise<void> {
    const closed = once(this.#tunnel, 'close');
    this.#tunnel.close();
    this.#wire.cut();
    await closed;
  }

  /** All is as it was. */
  async restoreApi(): Promise<void> {
    this.#wire.thaw();
    if (!this.#tunnel.listening) this.#tunnel = await openTunnel(join(this.#folder, 'api.sock'), this.#wire.port);
  }

  async stop(): Promise<void> {
    await this.lab.stop();
    this.#tunnel.close();
    await this.#wire.stop();
    for (const { metadata } of (await this.admin.list(ATTACHMENT)).items) await this.admin.delete(ATTACHMENT, metadata);
    await this.#plane.kubectl(['delete', 'pods', '--all', '-n', 'home', '--force', '--grace-period=0']);
    await this.admin.delete(NODE_STATE, { name: 'node-a' });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One running agent. */
export class HostAgent {
  log = '';
  readonly #child: ChildProcess;
  readonly #lab: Lab;
  readonly #port: number;

  constructor(child: ChildProcess, lab: Lab, port: number) {
    this.#child = child;
    this.#lab = lab;
    this.#port = port;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** How often the log says this. */
  said(text: string): number {
    return this.log.split(text).length - 1;
  }

  /** Status and text of /healthz or /readyz. */
  probe(path: '/healthz' | '/readyz'): Promise<string> {
    return this.#fetch(this.#port, path);
  }

  /** The text of /metrics. */
  metrics(): Promise<string> {
    return this.#fetch(this.#port + 1, '/metrics');
  }

  /** It does not run, and does not know that it does not. */
  suspend(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  #fetch(port: number, path: string): Promise<string> {
    const url = `http://127.0.0.1:${port}${path}`;
    const code = `fetch('${url}').then(async (r) => console.log(r.status, await r.text()), (e) => console.log(e.message))`;
    return this.#lab.exec('node', [process.execPath, '-e', code]);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
