// Whatever goes wrong on the way to the API server, and whatever people do meanwhile: in the end the cluster is what a fresh
// controller makes of the same wishes. FAULT_SEED repeats a run (as far as races allow), FAULT_SECONDS makes it longer.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NAMESPACE, NODE } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { AGENT_NAME } from '../../../src/api/names.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE } from '../../../src/api/v1alpha1/node-state.ts';
import { DAEMON_SET } from '../../../src/domain/attachment/node-daemonset.ts';
import { attachment, nodeEntry } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { randomFrom } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import { spoil } from './chaos/faults.ts';
import { doSomething, finishDeletions } from './chaos/people.ts';
import { summaryOf, takeAllAway, takeSnapshot } from './chaos/snapshot.ts';
import {
  installKinds,
  makeNamespace,
  makeNode,
  OPERATOR_NAMESPACE,
  openWorld,
  type RunningController,
  readAttachment,
  readNad,
  type World,
  writeNodeState,
} from './world.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000);
const SECONDS = Number(process.env['FAULT_SECONDS'] ?? 20);
/** Somebody does something this often. */
const PAUSE_MS = 25;
/** Silent watches are cut this often, as a keep-alive that finds a dead peer would; in earnest that takes minutes. */
const CUT_MS = 4000;
/** Longer than the pause after which a name that somebody held is tried again. */
const QUIET_MS = 11_000;

let world: World;
let proxy: FaultProxy;
afterAll(async () => {
  await world.stopAll();
  await proxy.stop();
}, 60_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = openWorld(plane());
  proxy = new FaultProxy(plane());
  await proxy.start();
  await installKinds(plane(), 'WithMultus');
}, 60_000);

interface Supervisor {
  starts(): number;
  current(): RunningController;
  /** Ends it in the middle of whatever it does: nothing more of it reaches the API server. */
  crash(): void;
  stop(): Promise<void>;
}

/** Runs a controller behind the proxy and starts another one whenever it ends, as a kubelet would. */
function keepRunning(): Supervisor {
  let starts = 0;
  let current: RunningController;
  const start = () => {
    starts += 1;
    const mine = world.start({ podName: `c-${starts}`, proxy: proxy.url, headersTimeoutMs: 1000 });
    current = mine;
    // It fails when it loses the lease.
    void mine.ended.catch(() => (current === mine ? start() : undefined));
  };
  start();
  return {
    starts: () => starts,
    current: () => current,
    crash: () => {
      const crashed = current;
      crashed.kill();
      start();
      void crashed.stop();
    },
    stop: () => current.stop(),
  };
}

/** By what only a watch can tell: each of the six has caught up with all that happened before. */
async function untilAllWatchesWork(): Promise<void> {
  const { client } = world;
  const nad = () => readNad(client, 'probe', 'probe');
  await makeNamespace(client, 'probe');
  await client.create(
    ATTACHMENT,
    attachment({ metadata: { name: 'probe', finalizers: [] }, spec: { namespaces: { names: ['probe'] } } }),
  );
  await until('attachments and namespaces are watched', nad, 60_000);
  await client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: 'probe', name: 'probe' });
  await until('NADs are watched', nad, 60_000);
  await makeNode(client, 'probe');
  await until(
    'nodes are watched',
    async () => (await client.get(NODE, { name: 'probe' }))?.metadata.labels?.['macvlan.dev/agent'],
    60_000,
  );
  await writeNodeState(client, 'probe', { attachments: [nodeEntry({ name: 'probe' })] });
  await until(
    'node states are watched',
    async () => (await readAttachment(client, 'probe'))?.status?.nodes?.ready === 1,
    60_000,
  );
  const daemonSet = { namespace: OPERATOR_NAMESPACE, name: AGENT_NAME };
  const before = await until('a DaemonSet', () => client.get(DAEMON_SET, daemonSet), 60_000);
  await client.delete(DAEMON_SET, daemonSet);
  const isAnother = async () => {
    const now = await client.get(DAEMON_SET, daemonSet);
    return now !== undefined && now.metadata.uid !== before?.metadata.uid;
  };
  await until('the DaemonSet is watched', isAnother, 60_000);
}

/** Events do not count: each attempt on a name that somebody holds is told. */
async function untilNothingIsWritten({ changes }: RunningController, quietMs: number): Promise<void> {
  let [count, quietSince] = [-1, 0];
  const isQuiet = () => {
    const now = changes.filter((write) => !write.includes('/events')).length;
    if (now !== count) [count, quietSince] = [now, performance.now()];
    return performance.now() - quietSince >= quietMs;
  };
  await until('nothing more is written', isQuiet, 90_000).catch((error: unknown) => {
    throw new Error(`the last writes: ${changes.slice(-20).join(', ')}`, { cause: error });
  });
}

async function untilNothingIsBeingDeleted(): Promise<void> {
  const kinds = [ATTACHMENT, NAMESPACE] as const;
  const isDone = async () => {
    await finishDeletions(world.client);
    const lists = await Promise.all(kinds.map((kind) => world.client.list(kind)));
    return lists.flatMap((list) => [...list.items]).every((item) => item.metadata.deletionTimestamp === undefined);
  };
  await until('every deletion has come to its end', isDone, 60_000);
}

test(
  'after a time of faults and changes the cluster is as a fresh controller makes it',
  async () => {
    const { client } = world;
    const random = randomFrom(SEED);
    const running = keepRunning();
    const met = spoil(proxy, randomFrom(SEED + 1));
    const end = performance.now() + SECONDS * 1000;
    let deeds = 0;
    for (let nextCut = performance.now() + CUT_MS; performance.now() < end; deeds += 1) {
      await doSomething(client, random);
      await new Promise((resolve) => setTimeout(resolve, random.below(2 * PAUSE_MS)));
      if (performance.now() < nextCut) continue;
      proxy.cut();
      if (random.chance(0.25)) running.crash();
      nextCut += CUT_MS;
    }
    proxy.clear();
    proxy.cut();
    const faults = [...met].map(([name, count]) => `${name} ${count}`).join(', ');
    process.stderr.write(
      `  seed ${SEED}, ${SECONDS} s: ${deeds} deeds, ${running.starts()} starts of the controller, faults: ${faults}\n`,
    );

    await untilNothingIsBeingDeleted();
    await untilAllWatchesWork();
    await untilNothingIsBeingDeleted();
    await untilNothingIsWritten(running.current(), QUIET_MS);
    await running.stop();
    const survivor = await takeSnapshot(client);
    process.stderr.write(`  left at the end: ${summaryOf(survivor)}\n`);

    await takeAllAway(client);
    const fresh = world.start({ podName: 'fresh' });
    await until('the fresh one leads', () => fresh.app.leads(), 30_000);
    await untilNothingIsWritten(fresh, 2000);
    expect(survivor).toEqual(await takeSnapshot(client));
    expect((await client.list(NODE_STATE)).items.length).toBeGreaterThan(0);
  },
  300_000 + SECONDS * 1000,
);
