// A cluster for the controller: a real API server with both sets of CRDs, and the controller in this process.
import type { KubeObject } from '../../../src/api/kube.ts';
import { NAMESPACE, NODE } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import {
  type MacvlanNodeState,
  type MacvlanNodeStateStatus,
  NODE_STATE,
  type NodeAttachment,
} from '../../../src/api/v1alpha1/node-state.ts';
import {
  type ControllerApp,
  type ControllerDependencies,
  createController,
} from '../../../src/controller/controller.ts';
import { parseOptions } from '../../../src/controller/options.ts';
import { KubeClient } from '../../../src/kernel/kube/client.ts';
import { Transport, type TransportRequest } from '../../../src/kernel/kube/transport.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { fixedCredentials } from '../../support/kube.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

export const OPERATOR_NAMESPACE = 'macvlan-system';

/** Remembers every request that is not a read, the Lease's left out; and those that the API server took. */
class RecordingTransport extends Transport {
  readonly writes: string[] = [];
  readonly changes: string[] = [];

  override async request(req: TransportRequest) {
    const isWrite = req.method !== 'GET' && !req.path.includes('/leases');
    if (isWrite) this.writes.push(`${req.method} ${req.path}`);
    const response = await super.request(req);
    if (isWrite && response.status < 400) this.changes.push(`${req.method} ${req.path}`);
    return response;
  }
}

/** A running controller. */
export interface RunningController {
  readonly app: ControllerApp;
  /** `METHOD /path` of all writes so far. */
  readonly writes: readonly string[];
  /** Those of them that were not refused. */
  readonly changes: readonly string[];
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Cuts it off: no lease given back, no connection. */
  kill(): void;
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>;
}

export interface StartOptions {
  readonly podName?: string;
  readonly timing?: ControllerDependencies['timing'];
  /** Something between the controller and the API server. */
  readonly proxy?: URL;
  /** How long the controller waits for an answer. */
  readonly headersTimeoutMs?: number;
}

export interface World {
  readonly client: KubeClient;
  start(init?: StartOptions): RunningController;
  /** Stops every controller that is still running. */
  stopAll(): Promise<void>;
}

export function openWorld(plane: ControlPlane): World {
  const credentials = fixedCredentials(new URL(plane.url), plane.token, plane.ca);
  const client = new KubeClient(new Transport(credentials));
  const running = new Set<RunningController>();
  return {
    client,
    start({ podName = 'controller-0', timing, proxy, headersTimeoutMs = 10_000 } = {}) {
      const reached = proxy === undefined ? credentials : fixedCredentials(proxy, plane.token);
      const transport = new RecordingTransport(reached, { headersTimeoutMs });
      const stopping = new AbortController();
      const app = createController({
        client: new KubeClient(transport),
        options: parseOptions({ POD_NAME: podName, POD_NAMESPACE: OPERATOR_NAMESPACE, AGENT_IMAGE: 'operator:1' }),
        logger: silentLogger(),
        timing: { leaseMs: 3000, renewMs: 2000, retryMs: 200, lingerMs: 100, ...timing },
      });
      const ended = app.run(stopping.signal).finally(() => transport.close());
      ended.catch(() => {});
      const controller: RunningController = {
        app,
        writes: transport.writes,
        changes: transport.changes,
        ended,
        kill: () => transport.close(),
        stop: async () => {
          running.delete(controller);
          stopping.abort();
          await ended.catch(() => {});
        },
      };
      running.add(controller);
      return controller;
    },
    stopAll: async () => {
      await Promise.all([...running].map((controller) => controller.stop()));
      client.transport.close();
    },
  };
}

/** Makes our kinds known, and Multus' too unless told otherwise. */
export async function installKinds(plane: ControlPlane, kinds: 'WithMultus' | 'WithoutMultus'): Promise<void> {
  await kubectl(plane, ['apply', '--server-side', '-f', 'crds/']);
  await kubectl(plane, ['create', 'namespace', OPERATOR_NAMESPACE]);
  if (kinds === 'WithMultus') await installMultus(plane);
  await kubectl(plane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
}

export async function installMultus(plane: ControlPlane): Promise<void> {
  await kubectl(plane, ['apply', '-f', 'test/support/multus-crd.yaml']);
}

export async function kubectl(plane: ControlPlane, args: readonly string[]): Promise<string> {
  const outcome = await plane.kubectl(args);
  if (outcome.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${JSON.stringify(outcome)}`);
  return outcome.stdout;
}

export async function makeNamespace(client: KubeClient, name: string, labels = {}): Promise<void> {
  await client.create(NAMESPACE, { metadata: { name, labels } });
}

export async function makeNode(client: KubeClient, name: string, labels = {}): Promise<void> {
  await client.create(NODE, { metadata: { name, labels } });
  await setReady(client, name, 'True');
}

/** What the node's kubelet or the node controller would write. */
export async function setReady(client: KubeClient, name: string, status: string, since = new Date()): Promise<void> {
  const condition = { type: 'Ready', status, reason: 'Test', message: '', lastTransitionTime: since.toISOString() };
  await client.mergePatch(NODE, { name }, { status: { conditions: [condition] } }, { subresource: 'status' });
}

/** What the node's agent would write. */
export async function writeNodeState(client: KubeClient, name: string, status: MacvlanNodeStateStatus): Promise<void> {
  const header = { apiVersion: NODE_STATE.apiVersion, kind: NODE_STATE.kind, metadata: { name } };
  await client.apply(NODE_STATE, header, { manager: 'macvlan-agent' });
  const attachments = await withUids(client, status.attachments ?? []);
  const object = { ...header, status: { ...status, attachments } };
  await client.apply(NODE_STATE, object, { manager: 'macvlan-agent', subresource: 'status' });
}

/** An agent knows the uids of the attachments that it speaks of. */
async function withUids(client: KubeClient, entries: readonly NodeAttachment[]): Promise<readonly NodeAttachment[]> {
  const found = await Promise.all(entries.map(({ name }) => readAttachment(client, name)));
  return entries.map((entry, index) => {
    const uid = entry.uid ?? found[index]?.metadata.uid;
    return uid === undefined ? entry : { ...entry, uid };
  });
}

export function readNodeState(client: KubeClient, name: string): Promise<MacvlanNodeState | undefined> {
  return client.get(NODE_STATE, { name });
}

export function readAttachment(client: KubeClient, name: string): Promise<MacvlanAttachment | undefined> {
  return client.get(ATTACHMENT, { name });
}

export function readNad(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<NetworkAttachmentDefinition | undefined> {
  return client.get(NETWORK_ATTACHMENT_DEFINITION, { namespace, name });
}

/** Waits until the attachment's condition has that reason, and gives the attachment. */
export async function untilReason(
  client: KubeClient,
  name: string,
  type: string,
  reason: string,
): Promise<MacvlanAttachment> {
  let last: MacvlanAttachment | undefined;
  const found = async () => {
    last = await readAttachment(client, name);
    return last?.status?.conditions?.some((c) => c.type === type && c.reason === reason) === true ? last : undefined;
  };
  const explain = (error: unknown) => {
    throw new Error(`${name}: ${type} is not ${reason}: ${JSON.stringify(last?.status, undefined, 1)}`, {
      cause: error,
    });
  };
  const object = await until(`${name}: ${type} ${reason}`, found).catch(explain);
  if (object === undefined) throw new Error('unreachable');
  return object;
}

/** Waits until the controller has written nothing for a while: what had to be done is done. */
export async function untilQuiet(controller: RunningController, quietMs = 400): Promise<void> {
  let seen = -1;
  let since = 0;
  await until('no more writes', () => {
    if (controller.writes.length !== seen) {
      seen = controller.writes.length;
      since = performance.now();
    }
    return performance.now() - since >= quietMs;
  });
}

export type { KubeObject };
