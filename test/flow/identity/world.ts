// A cluster for identities: a real API server with the chart's policies, the controller under its own account, and pods that the
// test takes through their lives as scheduler and kubelet would.
import type { KubeObject, Node, Pod } from '../../../src/api/kube.ts';
import { NAMESPACE as NAMESPACE_KIND, NODE, POD } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachmentSpec } from '../../../src/api/v1alpha1/attachment.ts';
import { CLAIM, type MacvlanClaim } from '../../../src/api/v1alpha1/claim.ts';
import { IDENTITY, type MacvlanIdentity } from '../../../src/api/v1alpha1/identity.ts';
import { type ControllerApp, createController } from '../../../src/controller/controller.ts';
import { parseOptions } from '../../../src/controller/options.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';
import { NAMESPACE, tokenOf } from '../chart/accounts.ts';
import { CHART, runHelm } from '../chart/helm.ts';
import { installMultus } from '../controller/world.ts';

export const HOME = 'home';
/** Unicast and locally administered. */
export const MAC = /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/;

/** Of an attachment whose pods get addresses from here. */
export const POOL = { ipam: { type: 'Pool', pool: { ranges: [{ subnet: '192.0.2.0/24' }] } } } as const;

export interface RunningController {
  readonly app: ControllerApp;
  stop(): Promise<void>;
}

export interface PodInit {
  readonly networks?: string;
  /** The annotation macvlan.dev/identity; default `auto`, empty for none. */
  readonly identity?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly spec?: object;
}

export class IdentityWorld {
  readonly plane: ControlPlane;
  /** The cluster's admin. */
  readonly client: KubeClient;
  readonly #running = new Set<RunningController>();

  constructor(plane: ControlPlane) {
    this.plane = plane;
    this.client = clientFor(plane);
  }

  /** @param values of the chart, as `name=value` */
  async install(...values: readonly string[]): Promise<void> {
    const set = values.flatMap((value) => ['--set', value]);
    const argv = ['install', 'operator', CHART, '-n', NAMESPACE, '--create-namespace', ...set];
    const { code, stderr } = await runHelm(argv, this.plane.kubeconfig);
    if (code !== 0) throw new Error(stderr);
    await installMultus(this.plane);
    await this.plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    await this.client.create(NAMESPACE_KIND, { metadata: { name: HOME } });
    for (const name of ['node-a', 'node-b']) await this.makeNode(name);
    // A policy works a moment after it is there.
    await until('pods that ask are gated', async () => {
      const pod = manifest('probe', { networks: 'lan' });
      const { code: said, stdout } = await this.plane.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
        input: JSON.stringify(pod),
      });
      return said === 0 && stdout.includes('"macvlan.dev/gated": "true"');
    });
  }

  /** The same release with other values. */
  async upgrade(...values: readonly string[]): Promise<void> {
    const set = values.flatMap((value) => ['--set', value]);
    const { code, stderr } = await runHelm(
      ['upgrade', 'operator', CHART, '-n', NAMESPACE, '--reset-values', ...set],
      this.plane.kubeconfig,
    );
    if (code !== 0) throw new Error(stderr);
  }

  /** Starts a controller, through a proxy where one is given; resolves when it leads, or at once for one that stands by. */
  async start({
    url,
    as = 'Leader',
    orphansMs = 300_000,
  }: {
    readonly url?: URL;
    /** When a new leader looks for claims that no identity has. */
    readonly orphansMs?: number;
    readonly as?: 'Leader' | 'Standby';
  } = {}): Promise<RunningController> {
    const token = await tokenOf(this.plane, 'macvlan-controller');
    const server = url === undefined ? { ...this.plane, token } : { url, token };
    const client = clientFor(server);
    const env = { ...(await this.#environment()), POD_NAME: 'controller-0', POD_NAMESPACE: NAMESPACE };
    const stopping = new AbortController();
    const app = createController({
      client,
      options: parseOptions(env),
      logger: silentLogger(),
      // A leader that ends gives its Lease back, so these need not be short; on a busy machine they must not be.
      timing: { leaseMs: 15_000, renewMs: 10_000, retryMs: 100, lingerMs: 100, confirmMs: 300, orphansMs },
    });
    const ended = app.run(stopping.signal).finally(() => client.transport.close());
    ended.catch(() => {});
    const controller: RunningController = {
      app,
      stop: async () => {
        this.#running.delete(controller);
        stopping.abort();
        await ended.catch(() => {});
      },
    };
    this.#running.add(controller);
    if (as === 'Leader') await until('the controller leads', () => app.leads(), 30_000);
    else await app.synced;
    return controller;
  }

  /** What the chart tells the controller. */
  async #environment(): Promise<Readonly<Record<string, string>>> {
    const path = 'jsonpath={.spec.template.spec.containers[0].env}';
    const env = await this.kubectl('-n', NAMESPACE, 'get', 'deployment', 'macvlan-controller', '-o', path);
    const entries = JSON.parse(env ?? '[]') as readonly { readonly name: string; readonly value?: string }[];
    return Object.fromEntries(entries.map(({ name, value = '' }) => [name, value]));
  }

  async stopAll(): Promise<void> {
    await this.stopControllers();
    this.client.transport.close();
  }

  async stopControllers(): Promise<void> {
    await Promise.all([...this.#running].map((controller) => controller.stop()));
  }

  /** An attachment, once its NAD is there. */
  async attach(name: string, spec: Partial<MacvlanAttachmentSpec> = {}): Promise<void> {
    const full = { namespaces: { names: [HOME] }, ipam: { type: 'DHCP' }, ...spec } as const;
    await this.client.create(ATTACHMENT, { metadata: { name }, spec: full });
    await until(
      `NAD ${name}`,
      async () => (await this.kubectl('-n', HOME, 'get', 'net-attach-def', name)) !== undefined,
    );
  }

  async makeNode(name: string, bootID = `boot-of-${name}`): Promise<void> {
    await this.client.create(NODE, { metadata: { name } });
    await this.reboot(name, bootID);
  }

  async reboot(name: string, bootID: string): Promise<void> {
    const found = await this.client.get<Node>(NODE, { name });
    const nodeInfo = { ...emptyNodeInfo, ...found?.status?.nodeInfo, bootID };
    await this.client.mergePatch(NODE, { name }, { status: { nodeInfo } }, { subresource: 'status' });
  }

  makePod(name: string, init: PodInit = {}): Promise<Pod> {
    return this.client.create(POD, manifest(name, init) as Pod);
  }

  pod(name: string): Promise<Pod | undefined> {
    return this.client.get(POD, { namespace: HOME, name });
  }

  identity(name: string): Promise<MacvlanIdentity | undefined> {
    return this.client.get(IDENTITY, { namespace: HOME, name });
  }

  async claims(): Promise<readonly MacvlanClaim[]> {
    return (await this.client.list(CLAIM)).items;
  }

  /** The pod, once it is bound. */
  async bound(name: string, withinMs?: number): Promise<Pod> {
    const found = await until(
      `${name} is bound`,
      async () => {
        const pod = await this.pod(name);
        return pod?.metadata.labels?.['macvlan.dev/gated'] === 'bound' ? pod : undefined;
      },
      withinMs,
    );
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** Waits until an event about the pod has that reason; gives its text. */
  async told(pod: string, reason: string): Promise<string> {
    const field = `involvedObject.name=${pod},reason=${reason}`;
    const found = await until(`an event ${reason} about ${pod}`, async () =>
      this.kubectl('-n', HOME, 'get', 'events', '--field-selector', field, '-o', 'jsonpath={.items[-1:].message}'),
    );
    return found ?? '';
  }

  /** What the scheduler does. */
  async schedule(name: string, node: string): Promise<void> {
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: node } };
    const { status, body } = await this.client.transport.request({
      method: 'POST',
      path: `/api/v1/namespaces/${HOME}/pods/${name}/binding`,
      body: binding,
    });
    if (status >= 400) throw new Error(JSON.stringify(body));
    await this.phase(name, 'Running');
  }

  /** What the kubelet writes. */
  async phase(name: string, phase: string): Promise<void> {
    await this.client.mergePatch(POD, { namespace: HOME, name }, { status: { phase } }, { subresource: 'status' });
  }

  /** What a kubelet does when a pod was deleted: it ends it, says so, and then the object goes. */
  async endPod(name: string): Promise<void> {
    await this.phase(name, 'Failed');
    await this.forceDelete(name);
  }

  /** The object goes, and nobody knows what became of the containers. */
  async forceDelete(name: string): Promise<void> {
    await this.kubectl('-n', HOME, 'delete', 'pod', name, '--force', '--grace-period=0');
  }

  /** Standard output; undefined when it failed. */
  async kubectl(...args: readonly string[]): Promise<string | undefined> {
    const { code, stdout } = await this.plane.kubectl(args);
    return code === 0 ? stdout : undefined;
  }
}

const emptyNodeInfo = {
  machineID: '',
  systemUUID: '',
  kernelVersion: '',
  osImage: '',
  containerRuntimeVersion: '',
  kubeletVersion: '',
  kubeProxyVersion: '',
  operatingSystem: 'linux',
  architecture: 'amd64',
};

let owners = 0;

function manifest(name: string, init: PodInit): KubeObject {
  const { networks = 'lan', identity = 'auto', annotations = {}, labels = {}, owner, spec = {} } = init;
  const reference = {
    apiVersion: 'apps/v1',
    controller: true,
    uid: `owner-${++owners}`,
    ...(owner ?? { kind: '', name: '' }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: HOME,
      annotations: {
        ...(networks === '' ? {} : { [ANNOTATION_NETWORKS]: networks }),
        ...(identity === '' ? {} : { 'macvlan.dev/identity': identity }),
        ...annotations,
      },
      labels,
      ...(owner === undefined ? {} : { ownerReferences: [reference] }),
    },
    spec: { containers: [{ name: 'main', image: 'none' }], ...spec },
  } as KubeObject;
}

/** The elements of the pod's networks annotation. */
export function networksOf(
  pod: Pod,
): readonly { readonly name: string; readonly mac?: string; readonly ips?: readonly string[] }[] {
  return JSON.parse(pod.metadata.annotations?.[ANNOTATION_NETWORKS] ?? '[]');
}
