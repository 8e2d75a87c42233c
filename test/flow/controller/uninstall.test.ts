// What the chart's pre-delete hook does, against a real API server and a controller at work; this test speaks for the agents.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NODE, POD } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { parseUninstallOptions } from '../../../src/controller/uninstall/options.ts';
import { uninstall } from '../../../src/controller/uninstall/uninstall.ts';
import { KubeClient } from '../../../src/kernel/kube/client.ts';
import { attachment, nodeEntry } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  kubectl,
  makeNamespace,
  makeNode,
  openWorld,
  type RunningController,
  readAttachment,
  readNad,
  readNodeState,
  untilReason,
  type World,
  writeNodeState,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();
let controller: RunningController;

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  controller = world.start();
  await makeNode(world.client, 'node-a');
  await setUp();
}, 60_000);

async function setUp(): Promise<void> {
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'lan' } }));
  await writeNodeState(world.client, 'node-a', { attachments: [nodeEntry()] });
  await untilReason(world.client, 'lan', 'Ready', 'Working');
}

async function run(env: Readonly<Record<string, string>> = {}) {
  const said: string[] = [];
  const options = parseUninstallOptions({ TIMEOUT_SECONDS: '10', ...env });
  const isDone = await uninstall({ client: world.client, options, say: (line) => said.push(line) });
  return { isDone, said };
}

/** The agent's part: clean as soon as it is told to. */
async function cleanUp(): Promise<void> {
  await until('phase Cleaning', async () => (await readAttachment(world.client, 'lan'))?.status?.phase === 'Cleaning');
  await writeNodeState(world.client, 'node-a', { attachments: [] });
}

describe('while a pod is attached', () => {
  beforeAll(async () => {
    const annotations = { [ANNOTATION_NETWORK_STATUS]: JSON.stringify([{ name: 'home/lan', interface: 'net1' }]) };
    const containers = [{ name: 'main', image: 'none' }];
    const spec = { nodeName: 'node-a', automountServiceAccountToken: false, containers };
    await world.client.create(POD, { metadata: { namespace: 'home', name: 'web', annotations }, spec });
  });

  test('it fails, names the pod and the ways on, and has deleted nothing', async () => {
    const { isDone, said } = await run({ TIMEOUT_SECONDS: '1' });
    expect(isDone).toBe(false);
    expect(said[0]).toBe('waiting for pod home/web on lan');
    expect(said).toContain('  home/web on lan (node-a)');
    expect(said.join('\n')).toContain('kubectl annotate macvlanattachments --all macvlan.dev/force=true');
    expect((await readAttachment(world.client, 'lan'))?.metadata.deletionTimestamp).toBeUndefined();
    expect(await readNad(world.client, 'home', 'lan')).toBeDefined();
  });

  test('it looks through all pods of the cluster once, and then asks those that it found', async () => {
    const asked: string[] = [];
    const client = new KubeClient(world.client.transport);
    const listPage = client.listPage.bind(client);
    client.listPage = (kind, opts) => {
      if (kind.plural === 'pods') asked.push(opts.namespace ?? 'everywhere');
      return listPage(kind, opts);
    };
    const options = parseUninstallOptions({ TIMEOUT_SECONDS: '2' });
    expect(await uninstall({ client, options, say: () => {} })).toBe(false);
    expect(asked[0]).toBe('everywhere');
    expect(new Set(asked.slice(1))).toEqual(new Set(['home']));
  });

  test('it goes on under Force', async () => {
    const [{ isDone, said }] = await Promise.all([run({ WHILE_PODS_ATTACHED: 'Force' }), cleanUp()]);
    expect({ isDone, first: said[0] }).toEqual({ isDone: true, first: 'deleting lan' });
    expect(await readAttachment(world.client, 'lan')).toBeUndefined();
    await kubectl(plane(), ['-n', 'home', 'delete', 'pod', 'web', '--grace-period=0', '--force']);
  }, 15_000);
});

describe('without attached pods', () => {
  beforeAll(setUp, 30_000);

  test('it waits until attachments, NADs, labels and states are gone, and says what it waits for', async () => {
    const [{ isDone, said }] = await Promise.all([run(), cleanUp()]);
    expect(isDone).toBe(true);
    expect(said[0]).toBe('deleting lan');
    expect(said.at(-1)).toBe('done: no attachment is left, and nothing of one on any node');
    expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
    const node = await world.client.get(NODE, { name: 'node-a' });
    expect(node?.metadata.labels ?? {}).toEqual({});
    expect(await readNodeState(world.client, 'node-a')).toBeUndefined();
  }, 15_000);

  test('it has nothing to do a second time', async () => {
    expect(await run()).toEqual({ isDone: true, said: [expect.stringContaining('done')] });
  });
});

describe('without a controller at work', () => {
  test('it gives up in time, and says what is left and where to read on', async () => {
    await setUp();
    await controller.stop();
    const { isDone, said } = await run({ TIMEOUT_SECONDS: '1' });
    expect(isDone).toBe(false);
    expect(said.join('\n')).toContain('docs/operations/uninstall.md, "When the controller is broken"');
  }, 15_000);
});
