// Hostile specs at the real API server, with the controller behind it: refused at the door with a sentence, or taken and then
// rendered or objected to in a condition. Never a crash, and never a NAD that CNI could not read.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ATTACHMENT, type MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { aliasFor } from '../../../src/domain/attachment/alias.ts';
import { PROBLEMS } from '../../../src/domain/problem.ts';
import { ApiError } from '../../../src/kernel/kube/transport.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { hostileName, hostileSpec } from '../../support/hostile.ts';
import { seeded } from '../../support/seed.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  openWorld,
  type RunningController,
  readAttachment,
  readNad,
  type World,
} from './world.ts';

/** A few seconds' worth; FC_RUNS=2000 for an afternoon. */
const RUNS = 120;

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();
let controller: RunningController;
let hasEnded = false;

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  for (const name of ['home', 'shop']) await makeNamespace(world.client, name);
  controller = world.start();
  const note = () => {
    hasEnded = true;
  };
  controller.ended.then(note, note);
}, 60_000);

/** What became of a wish: what the server said to it, or the object that the controller has had its say about. */
type Fate = { readonly refusal: ApiError } | { readonly object: MacvlanAttachment };

async function submit(write: () => Promise<MacvlanAttachment | undefined>): Promise<Fate> {
  try {
    const object = await write();
    if (object === undefined) throw new Error('it is not there');
    return { object: await judged(object) };
  } catch (error) {
    if (error instanceof ApiError) return { refusal: error };
    throw error;
  }
}

/** The object, once the controller has said something about this generation of it. */
async function judged({ metadata: { name, generation } }: MacvlanAttachment): Promise<MacvlanAttachment> {
  let last: MacvlanAttachment | undefined;
  await until(`the controller's word on ${name}, generation ${generation}`, async () => {
    last = await readAttachment(world.client, name);
    return (last?.status?.observedGeneration ?? 0) >= (generation ?? 1);
  });
  if (last === undefined) throw new Error('unreachable');
  return last;
}

const answers = { refused: 0, objected: 0, rendered: 0 };

async function check(fate: Fate): Promise<void> {
  expect(hasEnded).toBe(false);
  if ('refusal' in fate) {
    answers.refused++;
    // 400: no JSON object of this kind at all. 413: larger than any object may be. 422: the schema's rules.
    expect([400, 413, 422]).toContain(fate.refusal.status);
    expect(fate.refusal.message.length).toBeGreaterThan(20);
    return;
  }
  const { object } = fate;
  const condition = (type: string) => object.status?.conditions?.find((candidate) => candidate.type === type);
  const accepted = condition('Accepted');
  if (accepted?.status !== 'True') {
    answers.objected++;
    expect(Object.keys(PROBLEMS)).toContain(accepted?.reason);
    expect(accepted?.message).toMatch(/[.]$/);
    return;
  }
  answers.rendered++;
  expect(['UpToDate', 'NamespaceMissing']).toContain(condition('Rendered')?.reason);
  for (const namespace of ['home', 'shop']) await checkNad(object, namespace);
}

async function checkNad({ metadata: { name }, spec }: MacvlanAttachment, namespace: string): Promise<void> {
  const nad = await readNad(world.client, namespace, name);
  if (nad === undefined) return;
  const config = JSON.parse(nad.spec?.config ?? '') as {
    name: string;
    plugins: readonly { type: string; master?: string }[];
  };
  expect(Object.keys(config)).toEqual(['cniVersion', 'name', 'plugins']);
  expect(config.name).toBe(name);
  expect(config.plugins.map((plugin) => plugin.type)).toEqual([
    'macvlan',
    ...(spec.chain ?? []).map(({ type }) => type),
  ]);
  expect(config.plugins[0]?.master).toBe(aliasFor(name));
  expect(nad.metadata.labels).toMatchObject({ 'macvlan.dev/attachment': name });
}

async function remove({ metadata: { name } }: MacvlanAttachment): Promise<void> {
  await world.client.delete(ATTACHMENT, { name });
  await until(`${name} is gone`, async () => (await readAttachment(world.client, name)) === undefined);
}

describe('a hostile spec', () => {
  test('is refused with a sentence, or told in a condition, or rendered, as it is made and as it is changed', async () => {
    const property = fc.asyncProperty(hostileName, hostileSpec, hostileSpec, async (name, first, second) => {
      const object = { ...attachment(), metadata: { name }, spec: first } as MacvlanAttachment;
      const made = await submit(() => world.client.create(ATTACHMENT, object));
      await check(made);
      if ('refusal' in made) return;
      const replace = async () => {
        const current = await readAttachment(world.client, name);
        return current && world.client.replace(ATTACHMENT, { ...current, spec: second } as MacvlanAttachment);
      };
      await check(await submit(replace));
      await remove(made.object);
    });
    await fc.assert(property, seeded('hostile specs at the API server', RUNS));
    process.stderr.write(`hostile specs: ${JSON.stringify(answers)}\n`);
    expect(Math.min(answers.refused, answers.rendered)).toBeGreaterThan(0);
  }, 600_000);

  test('that is nested thousands of levels deep, which no client of ours could even send, is told in a condition', async () => {
    const levels = 4000;
    const raw = `{"type":"static","a":${'{"a":['.repeat(levels)}${']}'.repeat(levels)}}`;
    const spec = `{"namespaces":{"names":["home"]},"ipam":{"type":"Raw","raw":{"config":${raw}}}}`;
    const input = `{"apiVersion":"macvlan.dev/v1alpha1","kind":"MacvlanAttachment","metadata":{"name":"deep"},"spec":${spec}}`;
    const made = await plane().kubectl(
      ['create', '--raw', '/apis/macvlan.dev/v1alpha1/macvlanattachments', '-f', '-'],
      {
        input,
      },
    );
    expect(made).toMatchObject({ code: 0 });
    const object = await judged({ metadata: { name: 'deep', generation: 1 } } as MacvlanAttachment);
    expect(object.status?.conditions?.[0]).toMatchObject({ type: 'Accepted', reason: 'PluginConfigInvalid' });
    await remove(object);
  });

  test('has left the controller at work', async () => {
    const fine = { ...attachment({ name: 'fine' }), metadata: { name: 'fine' } };
    const fate = await submit(() => world.client.create(ATTACHMENT, fine));
    expect('object' in fate && fate.object.status?.conditions?.[0]).toMatchObject({ type: 'Accepted', status: 'True' });
    await until('its NAD', () => readNad(world.client, 'home', 'fine'));
    expect(hasEnded).toBe(false);
  });
});
