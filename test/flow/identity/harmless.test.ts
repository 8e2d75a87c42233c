// Pods that do not ask for anything are made, whatever of the operator is there, is missing, or was taken away in whichever order.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { randomFrom } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, type RunningController } from './world.ts';

const LONG_MS = 60_000;
const OURS = ['-l', 'app.kubernetes.io/name=macvlan-operator'];
/** All 24 orders take ten minutes: SEED=n repeats a sample, ORDERS=24 goes through all of them. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 0x7fffffff);
const ORDERS = Number(process.env['ORDERS'] ?? 4);
const KINDS = ['macvlanattachments', 'macvlanidentities', 'macvlanclaims', 'macvlannodestates'];

let world: IdentityWorld;
let controller: RunningController;
const opened = useIdentityWorld('guards.rawPins=Refuse', 'isolation.type=Namespace');

beforeAll(async () => {
  world = opened();
  controller = await world.start();
  await world.attach('lan');
}, 600_000);

/** Makes plain pods of all sorts, one after the other, all the time. */
class Witness {
  made = 0;
  readonly refused: string[] = [];
  #until = 0;
  #running = Promise.resolve();

  begin(): void {
    this.#until = Number.POSITIVE_INFINITY;
    this.#running = this.#work();
  }

  /** Ends it, after at least `more` further pods. */
  async end(more = 8): Promise<void> {
    this.#until = this.made + more;
    await this.#running;
  }

  async #work(): Promise<void> {
    const sorts = [
      {},
      { networks: 'other' },
      { networks: '[{"name":"other","interface":"net5"}]' },
      { networks: 'lan', identity: 'none' },
      { spec: { hostNetwork: true } },
      { spec: { nodeName: 'node-a' } },
      { spec: { schedulingGates: [{ name: 'a.example/other' }] } },
    ];
    while (this.made < this.#until) {
      const sort = { networks: '', identity: '', ...sorts[this.made % sorts.length] };
      this.made += 1;
      await world.makePod(`plain-${process.pid}-${names++}`, sort).then(
        (pod) => {
          const gates = (pod.spec.schedulingGates ?? []).filter(({ name }) => name.includes('macvlan'));
          if (gates.length > 0) this.refused.push(`${pod.metadata.name} is held`);
        },
        (error: unknown) => this.refused.push(String(error)),
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
let names = 0;

/** What can be taken away. */
const REMOVALS: Readonly<Record<string, () => Promise<void>>> = {
  controller: () => controller.stop(),
  policies: () => removeAll('validatingadmissionpolicies,mutatingadmissionpolicies'),
  bindings: () => removeAll('validatingadmissionpolicybindings,mutatingadmissionpolicybindings'),
  kinds: removeKinds,
};

async function removeAll(kinds: string): Promise<void> {
  await kubectl('delete', kinds, ...OURS);
}

/** With everything that is of them; nobody may be there to take off the finalizer. */
async function removeKinds(): Promise<void> {
  await kubectl('delete', 'crd', '--wait=false', ...KINDS.map((plural) => `${plural}.macvlan.dev`));
  await world.plane.kubectl(['patch', 'mva', 'lan', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await until(
    'the kinds are gone',
    async () => (await kubectl('get', 'crd', '-o', 'name')).includes('macvlan') === false,
    LONG_MS,
  );
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.plane.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Everything is there again, and works: a pod that asks is held and bound. */
async function putBack(round: number): Promise<void> {
  await controller.stop();
  await world.upgrade('guards.rawPins=Refuse', 'isolation.type=Namespace');
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  controller = await world.start();
  if ((await world.client.get(ATTACHMENT, { name: 'lan' })) === undefined) await world.attach('lan');
  let tries = 0;
  await until(
    'a pod that asks is bound',
    async () => {
      const name = `asks-${round}-${tries++}`;
      const pod = await world.makePod(name);
      return pod.spec.schedulingGates === undefined ? false : (await world.bound(name, LONG_MS)) !== undefined;
    },
    LONG_MS,
  );
}

function ordersOf(parts: readonly string[]): readonly (readonly string[])[] {
  if (parts.length === 0) return [[]];
  return parts.flatMap((first) => ordersOf(parts.filter((part) => part !== first)).map((rest) => [first, ...rest]));
}

/** Some of all orders, each with the step after which the API server restarts. */
function sample(): readonly {
  readonly order: string;
  readonly steps: readonly string[];
  readonly restartAfter: number;
}[] {
  const random = randomFrom(SEED);
  const all = ordersOf(Object.keys(REMOVALS)).map((steps) => ({ steps, rank: random.next() }));
  process.stderr.write(`harmless: SEED=${SEED} ORDERS=${ORDERS}\n`);
  return all
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, ORDERS)
    .map(({ steps }) => ({ order: steps.join(', '), steps, restartAfter: random.below(steps.length - 1) }));
}

describe('pods that do not ask are made at once', () => {
  let round = 0;

  test.each(sample())(
    'while these go, in this order: $order',
    async ({ steps, restartAfter }) => {
      const witness = new Witness();
      for (const [index, part] of steps.entries()) {
        witness.begin();
        await REMOVALS[part]?.();
        await witness.end();
        if (index !== restartAfter && index !== steps.length - 1) continue;
        await world.plane.restartApiServer();
        witness.begin();
        await witness.end(14);
      }
      witness.begin(); // and while everything comes back
      await putBack(++round);
      await witness.end();
      expect(witness.refused).toEqual([]);
      expect(witness.made).toBeGreaterThan(60);
    },
    180_000,
  );

  test('while the controller is away; those that ask wait, can be deleted, and go on when it is back', async () => {
    await controller.stop();
    const witness = new Witness();
    witness.begin();
    for (const name of ['waits', 'goes']) {
      expect((await world.makePod(name)).spec.schedulingGates).toEqual([{ name: 'macvlan.dev/identity' }]);
    }
    await kubectl('-n', HOME, 'delete', 'pod', 'goes', '--timeout=10s');
    await witness.end();
    await world.plane.restartApiServer();
    witness.begin();
    await witness.end(14);
    expect(witness.refused).toEqual([]);
    expect((await world.pod('waits'))?.spec.schedulingGates).toEqual([{ name: 'macvlan.dev/identity' }]);
    controller = await world.start();
    await world.bound('waits', LONG_MS);
  }, 180_000);
});

test('a dry run of a pod that asks has no effects: no identity, no claim, no event', async () => {
  const before = new Set(await everything());
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'dry',
      namespace: HOME,
      annotations: { 'k8s.v1.cni.cncf.io/networks': 'lan', 'macvlan.dev/identity': 'auto', 'macvlan.dev/mac': 'x' },
    },
    spec: { containers: [{ name: 'main', image: 'none' }] },
  };
  const input = JSON.stringify(pod);
  for (const verb of ['create', 'apply']) {
    const { code, stdout } = await world.plane.kubectl([verb, '--dry-run=server', '-o', 'json', '-f', '-'], { input });
    expect([code, stdout]).toEqual([0, expect.stringContaining('macvlan.dev/identity')]);
  }
  await world.makePod('wet'); // bound: by then the controller would have seen the other one, too
  await world.bound('wet');
  const after = await everything();
  expect(after.filter((line) => !before.has(line) && !line.includes('wet'))).toEqual([]);
});

/** Names of all that a binding makes, and of pods and events. */
async function everything(): Promise<readonly string[]> {
  const names = [
    '-o',
    'custom-columns=K:.kind,N:.metadata.name,I:.spec.identity.name,R:.regarding.name',
    '--no-headers',
  ];
  return (await kubectl('-n', HOME, 'get', 'pods,mvi,mvc,events.events.k8s.io', ...names)).split('\n');
}
