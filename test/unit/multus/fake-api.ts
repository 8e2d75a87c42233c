// As much of an API server as a meta-plugin needs: one pod, network definitions, events. The subject of these tests is the
// plugin, so its other side is played here.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { annotationsIn, eventIn, isProtobuf } from './protobuf.ts';

const STATUS_ANNOTATION = 'k8s.v1.cni.cncf.io/network-status';

export interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface FakePod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Record<string, string>;
}

/** Serves on a loopback port until `close`. What the plugin did is in `events`, `requests` and the pod's annotations. */
export class FakeApi {
  readonly events: SeenEvent[] = [];
  readonly requests: string[] = [];
  /** How many more times the pod is not found. */
  hidePod = 0;
  /** How many more times a write of the pod's status is refused as out of date. */
  conflicts = 0;
  pod: FakePod;
  private readonly networks: Readonly<Record<string, unknown>>;
  private readonly server: Server;

  constructor(pod: FakePod, networks: Readonly<Record<string, unknown>>) {
    this.pod = pod;
    this.networks = networks;
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The network-status annotation as written, if it was. */
  get networkStatus(): string | undefined {
    return this.pod.annotations[STATUS_ANNOTATION];
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? '').replace(/\?.*/, '');
    this.requests.push(`${request.method} ${path}`);
    const [code, body] = this.answer(request.method ?? '', path, Buffer.concat(chunks));
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  private answer(method: string, path: string, body: Buffer): [number, unknown] {
    const pods = `/api/v1/namespaces/${this.pod.namespace}/pods/${this.pod.name}`;
    if (method === 'GET' && path === pods) return this.getPod();
    if (method === 'PUT' && path === `${pods}/status`) return this.putStatus(body);
    if (method === 'POST' && path === `/api/v1/namespaces/${this.pod.namespace}/events`) return this.postEvent(body);
    const [, namespace, name] =
      /^\/apis\/k8s.cni.cncf.io\/v1\/namespaces\/([^/]+)\/network-attachment-definitions\/([^/]+)$/.exec(path) ?? [];
    if (method === 'GET' && namespace !== undefined && name !== undefined) return this.getNetwork(namespace, name);
    return notFound('unknown', path);
  }

  private getPod(): [number, unknown] {
    if (this.hidePod > 0) {
      this.hidePod--;
      return notFound('pods', this.pod.name);
    }
    const { uid, name, namespace, annotations } = this.pod;
    const metadata = { name, namespace, uid, annotations, resourceVersion: '7' };
    const spec = { nodeName: 'node-a', terminationGracePeriodSeconds: 30, containers: [{ name: 'c', image: 'i' }] };
    return [200, { apiVersion: 'v1', kind: 'Pod', metadata, spec, status: { phase: 'Pending' } }];
  }

  private putStatus(body: Buffer): [number, unknown] {
    if (this.conflicts > 0) {
      this.conflicts--;
      const message = `Operation cannot be fulfilled on pods "${this.pod.name}"`;
      return [409, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Conflict', code: 409, message }];
    }
    const annotations = isProtobuf(body)
      ? annotationsIn(body)
      : (JSON.parse(body.toString()) as { metadata: { annotations: Record<string, string> } }).metadata.annotations;
    this.pod = { ...this.pod, annotations };
    return this.getPod();
  }

  private postEvent(body: Buffer): [number, unknown] {
    const event = isProtobuf(body) ? eventIn(body) : (JSON.parse(body.toString()) as SeenEvent);
    this.events.push({ type: event.type, reason: event.reason, message: event.message });
    return [201, { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: this.pod.namespace } }];
  }

  private getNetwork(namespace: string, name: string): [number, unknown] {
    const config = this.networks[`${namespace}/${name}`];
    if (config === undefined) return notFound('network-attachment-definitions.k8s.cni.cncf.io', name);
    const kind = { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition' };
    return [200, { ...kind, metadata: { name, namespace }, spec: { config: JSON.stringify(config) } }];
  }
}

function notFound(resource: string, name: string): [number, unknown] {
  const message = `${resource} "${name}" not found`;
  const details = { name, group: resource.replace(/^[^.]*\.?/, ''), kind: resource.replace(/\..*/, '') };
  return [
    404,
    {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'NotFound',
      code: 404,
      message,
      details,
      metadata: {},
    },
  ];
}
