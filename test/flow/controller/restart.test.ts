// A controller that is started anew in a cluster where everything is as it should be: soon there, and nothing to write.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { KubeClient } from '../../../src/kernel/kube/client.ts';
import { Transport } from '../../../src/kernel/kube/transport.ts';
import { auditedRequests, writesAmong } from '../../support/audit.ts';
import { attachment, nodeEntry } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { type ControllerProcess, startControllerProcess } from '../../support/controller-process.ts';
import { fixedCredentials } from '../../support/kube.ts';
import { metricSum } from '../../support/metrics-text.ts';
import { until } from '../../support/until.ts';
import { installKinds, makeNamespace, makeNode, OPERATOR_NAMESPACE, writeNodeState } from './world.ts';

const ATTACHMENTS = 1000;
const AT_ONCE = 16;

const user = { token: 'token-of-controller', user: 'controller', groups: ['system:masters'] };
let client: KubeClient;
let controller: ControllerProcess | undefined;
afterAll(() => controller?.stop(), 60_000); // registered first, so that it ends before the API server does
const plane = useControlPlane({ audit: 'Metadata', users: [user] });

beforeAll(async () => {
  client = new KubeClient(new Transport(fixedCredentials(new URL(plane().url), plane().token, plane().ca)));
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(client, 'home');
}, 60_000);

function start(): Promise<ControllerProcess> {
  const { url: server, ca } = plane();
  return startControllerProcess({ podName: 'c', namespace: OPERATOR_NAMESPACE, server, ca, token: user.token });
}

const written = () => writesAmong(auditedRequests(plane().auditLog)).filter((write) => write.user === 'controller');

/** Waits until nothing has been written for a second. */
async function untilQuiet(): Promise<void> {
  let [count, quietSince] = [-1, 0];
  const isQuiet = () => {
    const now = written().length;
    if (now !== count) [count, quietSince] = [now, performance.now()];
    return performance.now() - quietSince > 1000;
  };
  await until(
    'nothing more is written',
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 200)); // reading the audit log is no small thing
      return isQuiet();
    },
    60_000,
  );
}

test('with a thousand attachments it is synced soon, looks at each of them, and writes nothing', async () => {
  controller = await start();
  await controller.ready();
  for (const node of ['a', 'b']) {
    await makeNode(client, node);
    await writeNodeState(client, node, { attachments: [nodeEntry({ name: 'lan-0' }), nodeEntry({ name: 'lan-1' })] });
  }
  const names = Array.from({ length: ATTACHMENTS }, (_, index) => `lan-${index}`).values();
  const make = async () => {
    for (const name of names) await client.create(ATTACHMENT, attachment({ metadata: { name, finalizers: [] } }));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, make));
  const nads = async () => (await client.list(NETWORK_ATTACHMENT_DEFINITION)).items.length;
  await until('all NADs', async () => (await nads()) === ATTACHMENTS, 120_000);
  await untilQuiet();
  await controller.stop();
  const before = written().length;
  expect(before).toBeGreaterThan(3 * ATTACHMENTS);

  const startedAt = performance.now();
  controller = await start();
  await controller.ready();
  const synced = performance.now() - startedAt;
  const { metrics } = controller;
  const looked = async () =>
    metricSum(await metrics(), 'controller_runtime_reconcile_total', { controller: 'attachments' });
  await until('every attachment was looked at', async () => (await looked()) >= ATTACHMENTS, 60_000);
  const done = performance.now() - startedAt;
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  process.stderr.write(`  ${ATTACHMENTS} attachments: synced ${seconds(synced)} s after the start (goal: 3 s), `);
  process.stderr.write(`all looked at after ${seconds(done)} s\n`);
  await untilQuiet();
  expect(written().slice(before)).toEqual([]);
}, 300_000);
