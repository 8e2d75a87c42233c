// The transport against a real API server: how many connections it makes, and what it does when they or its credentials fail.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NAMESPACE } from '../../../src/api/kube.ts';
import { KubeClient } from '../../../src/kernel/kube/client.ts';
import { KubeConfigCredentials } from '../../../src/kernel/kube/config.ts';
import { InClusterCredentials } from '../../../src/kernel/kube/in-cluster.ts';
import { type Credentials, Transport, type TransportOptions } from '../../../src/kernel/kube/transport.ts';
import { createAuthority } from '../../cluster/pki.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultProxy, lists } from '../../support/fault-proxy.ts';
import { CONFIG_MAP, clientFor, configMap, fixedCredentials } from '../../support/kube.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { Watching } from '../../support/watching.ts';

const controlPlane = useControlPlane();

let wire: TcpProxy;
let server: URL;
const clients: KubeClient[] = [];
const atEnd: (() => Promise<void>)[] = [];

beforeEach(async () => {
  wire = new TcpProxy(new URL(controlPlane().url));
  await wire.start();
  server = new URL(`https://127.0.0.1:${wire.port}`);
});
afterEach(async () => {
  for (const end of atEnd.splice(0).reverse()) await end();
  for (const one of clients.splice(0)) one.transport.close();
  await wire.stop();
});

function connect(credentials?: Credentials, options: TransportOptions = {}): KubeClient {
  const { token, ca } = controlPlane();
  const client = new KubeClient(new Transport(credentials ?? fixedCredentials(server, token, ca), options));
  clients.push(client);
  return client;
}

const ask = (client: KubeClient) => client.get(NAMESPACE, { name: 'default' });

describe('connections', () => {
  test('are kept: two hundred requests one after the other use a single one', async () => {
    const client = connect();
    for (let i = 0; i < 200; i++) await ask(client);
    expect(wire.connections).toBe(1);
  });

  test('are as many as there are requests at a time', async () => {
    const client = connect();
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 16 }, () => ask(client)));
    expect(wire.connections).toBe(16);
  });

  test('that carry a watch carry nothing else, and are kept when the watch has ended in time', async () => {
    const client = connect();
    const stream = () =>
      client.transport.stream({
        method: 'GET',
        path: '/api/v1/namespaces/none/configmaps',
        query: { watch: true, timeoutSeconds: 1 },
      });
    const first = await stream();
    await ask(client);
    for await (const _ of first.lines);
    const second = await stream();
    for await (const _ of second.lines);
    expect(wire.connections).toBe(2);
  });

  test('that are not used are closed before the server closes them', async () => {
    const client = connect(undefined, { idleSocketMs: 100 });
    await ask(client);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await ask(client);
    expect(wire.connections).toBe(2);
  });

  test('of a watch in which nothing happens stay open', async () => {
    const client = connect(undefined, { idleSocketMs: 100 });
    const query = { watch: true, timeoutSeconds: 30 };
    const path = '/api/v1/namespaces/default/configmaps';
    const stop = new AbortController();
    const stream = await client.transport.stream({ method: 'GET', path, query, signal: stop.signal });
    const line = stream.lines[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await connect().create(CONFIG_MAP, configMap('default', 'after-a-quiet-time'));
    expect((await line).value).toContain('"ADDED"');
    stop.abort();
  });

  test('that break between two requests cost a read nothing', async () => {
    const client = connect();
    await ask(client);
    wire.cut();
    expect(await ask(client)).toBeDefined();
  });

  test('that are dead are noticed by the deadline of the request', async () => {
    const client = connect(undefined, { headersTimeoutMs: 300 });
    await ask(client);
    wire.freeze();
    await expect(ask(client)).rejects.toThrow('no answer within 300 ms');
    wire.thaw();
    expect(await ask(client)).toBeDefined();
  });
});

describe('a stream', () => {
  test('ends with the reason of its caller when that gives up', async () => {
    const stop = new AbortController();
    const { lines } = await connect().transport.stream({
      method: 'GET',
      path: '/api/v1/namespaces/none/configmaps',
      query: { watch: true },
      signal: stop.signal,
    });
    const reading = (async () => {
      for await (const _ of lines);
    })();
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  test('that is refused rejects with what the server said', async () => {
    const refused = connect().transport.stream({ method: 'GET', path: '/apis/none/v1/things' });
    await expect(refused).rejects.toMatchObject({ name: 'ApiError', status: 404 });
  });
});

describe('credentials of a pod', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'macvlan-credentials-'));
    writeFileSync(join(folder, 'ca.crt'), controlPlane().ca);
    writeFileSync(join(folder, 'token'), `${controlPlane().token}\n`);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('are read from its files', async () => {
    expect(await ask(connect(new InClusterCredentials({ server, directory: folder })))).toBeDefined();
  });

  test('are read again when a request is refused, so that an expired token does no harm', async () => {
    writeFileSync(join(folder, 'token'), 'expired');
    const client = connect(new InClusterCredentials({ server, directory: folder }));
    await expect(ask(client)).rejects.toMatchObject({ status: 401 });
    writeFileSync(join(folder, 'token'), controlPlane().token);
    expect(await ask(client)).toBeDefined();
  });

  test('are read again every minute', async () => {
    const clock = new FakeClock();
    const credentials = new InClusterCredentials({ server, directory: folder, clock });
    writeFileSync(join(folder, 'token'), 'next');
    await clock.advance(59_000);
    expect(await credentials.headers()).toEqual({ authorization: `Bearer ${controlPlane().token}` });
    await clock.advance(1000);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer next' });
  });

  test('stay as they are while the files cannot be read', async () => {
    const credentials = new InClusterCredentials({ server, directory: folder });
    rmSync(join(folder, 'token'));
    expect(await credentials.refresh()).toBe(false);
    expect(await credentials.headers()).toEqual({ authorization: `Bearer ${controlPlane().token}` });
  });

  test('trust a new authority without a restart, on new connections', async () => {
    writeFileSync(join(folder, 'ca.crt'), createAuthority('an older one').cert);
    const client = connect(new InClusterCredentials({ server, directory: folder }));
    await expect(ask(client)).rejects.toThrow();
    writeFileSync(join(folder, 'ca.crt'), controlPlane().ca);
    expect(await ask(client)).toBeDefined();
  });

  test('let a reflector go on when its token expires while it watches', async () => {
    const { url, ca, token } = controlPlane();
    const proxy = new FaultProxy({ url, ca });
    await proxy.start();
    atEnd.push(() => proxy.stop());
    const credentials = new InClusterCredentials({ server: proxy.url, directory: folder });
    const client = connect(credentials);
    const seen = new Watching(proxy, token, { client, namespace: 'default', fieldSelector: 'metadata.name=expiry' });
    atEnd.push(() => seen.stop());
    await seen.follow();
    writeFileSync(join(folder, 'token'), 'expired');
    await credentials.refresh();
    proxy.resetWatches();
    await until('the state', () => seen.reflector.state() === 'failing');
    expect(seen.reflector.lastError()).toMatchObject({ status: 401 });
    writeFileSync(join(folder, 'token'), token);
    await clientFor(controlPlane()).create(CONFIG_MAP, configMap('default', 'expiry'));
    await seen.shows({ expiry: '1' });
    expect(proxy.requests.filter(lists)).toHaveLength(1);
  });
});

describe('credentials of a kubeconfig', () => {
  test('come from its token and authority', async () => {
    const credentials = new KubeConfigCredentials({ path: controlPlane().kubeconfig });
    expect(await ask(connect(credentials))).toBeDefined();
    const tls = credentials.tls();
    await credentials.refresh();
    expect(credentials.tls()).toBe(tls); // the same object: connections are kept
  });

  test('that name no cluster are refused at once', () => {
    const path = { path: controlPlane().kubeconfig, context: 'nowhere' };
    expect(() => new KubeConfigCredentials(path)).toThrow('no cluster for context "nowhere"');
  });
});
