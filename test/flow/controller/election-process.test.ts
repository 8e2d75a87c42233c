// Two controllers as processes of their own, with the lease times that they really have. The leader is ended in every way there
// is, in the middle of its work; the audit log tells what each of them wrote.
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { LEASE_NAME } from '../../../src/controller/controller.ts';
import { KubeClient } from '../../../src/kernel/kube/client.ts';
import { Transport } from '../../../src/kernel/kube/transport.ts';
import { LEASE } from '../../../src/kernel/leader/lease.ts';
import { type AuditedRequest, auditedRequests, writesAmong } from '../../support/audit.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { type ControllerProcess, startControllerProcess } from '../../support/controller-process.ts';
import { fixedCredentials } from '../../support/kube.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { installKinds, makeNamespace, OPERATOR_NAMESPACE } from './world.ts';

const ATTACHMENTS = 120;
/** When so many NADs are there, the leader is in the middle of its work. */
const IN_THE_MIDDLE = 20;
const LEASE_SECONDS = 15;
/** Far beyond a lease: a slow machine is no failure, a follower that never takes over is. */
const TAKEN_OVER_WITHIN_MS = 60_000;

const user = (name: string) => ({ token: `token-of-${name}`, user: name, groups: ['system:masters'] });
const plane = useControlPlane({ audit: 'Metadata', users: [user('first'), user('second')] });
let client: KubeClient;
let proxy: TcpProxy;
let leader: ControllerProcess;
let follower: ControllerProcess;
let round = 0;
let begun = 0;
/** The attachments of a round, on their way to the API server. */
let created: Promise<unknown> = Promise.resolve();

beforeAll(async () => {
  client = new KubeClient(new Transport(fixedCredentials(new URL(plane().url), plane().token, plane().ca)));
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(client, 'home');
}, 60_000);

// A leader behind a wire that can be cut, and a follower whose caches are warm.
beforeEach(async () => {
  round += 1;
  proxy = new TcpProxy(new URL(plane().url));
  await proxy.start();
  leader = await start('first', `https://127.0.0.1:${proxy.port}`);
  await until('the first leads', async () => (await holder()).startsWith('first'), 60_000);
  follower = await start('second', plane().url);
  await follower.ready();
  begun = auditedRequests(plane().auditLog).length;
}, 120_000);

afterEach(async () => {
  await Promise.all([leader.stop(), follower.stop()]);
  await proxy.stop();
  for (const { metadata } of (await client.list(ATTACHMENT)).items) await client.delete(ATTACHMENT, metadata);
  await sweep();
}, 60_000);

/** Nobody is left to take the finalizers off. */
async function sweep(): Promise<void> {
  for (const { metadata } of (await client.list(ATTACHMENT)).items) {
    await client.mergePatch(ATTACHMENT, metadata, { metadata: { finalizers: null } });
  }
  for (const { metadata } of (await client.list(NETWORK_ATTACHMENT_DEFINITION)).items) {
    await client.delete(NETWORK_ATTACHMENT_DEFINITION, metadata);
  }
}

function start(name: string, server: string): Promise<ControllerProcess> {
  const { ca } = plane();
  return startControllerProcess({ podName: name, namespace: OPERATOR_NAMESPACE, server, ca, token: user(name).token });
}

async function holder(): Promise<string> {
  const lease = await client.get(LEASE, { namespace: OPERATOR_NAMESPACE, name: LEASE_NAME });
  return lease?.spec?.holderIdentity ?? '';
}

const nameOf = (index: number) => `lan${round}-${index}`;
const names = () => Array.from({ length: ATTACHMENTS }, (_, index) => nameOf(index));
const nads = async () => (await client.list(NETWORK_ATTACHMENT_DEFINITION, { namespace: 'home' })).items;

/** Makes the attachments and comes back when the leader has done some of them and not all. */
async function putToWork(): Promise<void> {
  const make = (name: string) => client.create(ATTACHMENT, attachment({ metadata: { name, finalizers: [] } }));
  created = Promise.all(names().map(make));
  await until('some NADs', async () => (await nads()).length >= IN_THE_MIDDLE, 30_000);
}

/** Resolves when the follower leads; prints how long that took. */
async function takenOver(how: string, since: number): Promise<void> {
  const hasTakenOver = async () => (await holder()).startsWith('second');
  await until('the follower leads', hasTakenOver, TAKEN_OVER_WITHIN_MS);
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  process.stderr.write(`  ${how}: the follower led after ${seconds} s (lease ${LEASE_SECONDS} s)\n`);
}

async function untilAllDone(): Promise<void> {
  await created;
  const isDone = async () => {
    const done = (await client.list(ATTACHMENT)).items.filter((item) => item.status?.conditions !== undefined);
    return done.length === ATTACHMENTS && (await nads()).length === ATTACHMENTS;
  };
  await until('every attachment has a NAD and a status', isDone, 60_000);
}

const since = () => writesAmong(auditedRequests(plane().auditLog).slice(begun));
const by = (name: string, writes: readonly AuditedRequest[]) => writes.filter((write) => write.user === name);

/** Every NAD was made once, and never changed or deleted, whoever made it. */
function expectNothingTwice(): void {
  const writes = since().filter((write) => write.resource === 'network-attachment-definitions');
  expect(writes.filter((write) => write.verb !== 'create')).toEqual([]);
  expect(writes.map((write) => write.name).sort()).toEqual([...names()].sort());
  const finalizers = since().filter(({ resource, verb }) => resource === 'macvlanattachments' && verb === 'patch');
  expect(finalizers.map((write) => write.name).sort()).toEqual([...names()].sort());
}

test('killed: the follower takes over within the lease and writes only what was missing', async () => {
  await putToWork();
  const at = performance.now();
  leader.signal('SIGKILL');
  await takenOver('SIGKILL', at);
  await untilAllDone();
  expectNothingTwice();
  expect(by('first', since()).length).toBeGreaterThan(0);
  expect(by('second', since()).length).toBeGreaterThan(0);
}, 180_000);

test('terminated: it ends what it has begun and hands over at once', async () => {
  await putToWork();
  const at = performance.now();
  leader.signal('SIGTERM');
  await takenOver('SIGTERM', at);
  expect(await leader.ended).toMatchObject({ code: 0 });
  await untilAllDone();
  expectNothingTwice();
}, 180_000);

test('frozen and woken: it ends without another write, and what others did meanwhile stands', async () => {
  await putToWork();
  const at = performance.now();
  leader.signal('SIGSTOP');
  await takenOver('SIGSTOP', at);
  await untilAllDone();
  // What the frozen one still has in mind: attachments that no longer exist, specs that are no longer so.
  const gone = names().filter((_, index) => index % 2 === 0);
  await Promise.all(gone.map((name) => client.delete(ATTACHMENT, { name })));
  await until('half of the NADs are gone', async () => (await nads()).length === ATTACHMENTS - gone.length, 60_000);
  const wokenAt = Date.now();
  leader.signal('SIGCONT');
  expect(await leader.ended).toMatchObject({ code: 1 });
  expect(leader.lastWords()).toContain('leadership lost');
  expect(by('first', since()).filter((write) => write.at >= wokenAt)).toEqual([]);
  expect((await nads()).length).toBe(ATTACHMENTS - gone.length);
}, 180_000);

test('cut off: it ends by itself before the follower takes over, and the answer that never came does no harm', async () => {
  await putToWork();
  const at = performance.now();
  proxy.freeze();
  const ending = leader.ended;
  await takenOver('cut off', at);
  const ledFrom = Date.now();
  proxy.thaw();
  const { code, at: endedAt } = await ending;
  expect(code).toBe(1);
  expect(endedAt).toBeLessThan(ledFrom);
  await untilAllDone();
  expectNothingTwice();
}, 180_000);
