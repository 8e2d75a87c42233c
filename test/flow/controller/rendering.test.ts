// Attachments become NADs: created, restored, pruned, and never taken from anybody.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NAMESPACE } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  openWorld,
  type RunningController,
  readAttachment,
  readNad,
  untilQuiet,
  untilReason,
  type World,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();
let controller: RunningController;

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  await makeNamespace(world.client, 'shop', { lan: 'yes' });
  controller = world.start();
}, 60_000);

function wish(name: string, spec: Parameters<typeof attachment>[0] = {}) {
  return attachment({ name, metadata: { name, generation: undefined, finalizers: undefined } as never, ...spec });
}

const make = (name: string, spec: Parameters<typeof attachment>[0] = {}) =>
  world.client.create(ATTACHMENT, wish(name, spec));
const nadThere = (namespace: string, name: string) =>
  until(`NAD ${namespace}/${name}`, () => readNad(world.client, namespace, name));
const nadGone = (namespace: string, name: string) =>
  until(`no NAD ${namespace}/${name}`, async () => (await readNad(world.client, namespace, name)) === undefined);

describe('an attachment with namespaces', () => {
  test('has its NAD in the namespaces that it names and in those that its selector takes, with a write for each of finalizer, NADs and status', async () => {
    const before = controller.writes.length;
    await make('lan', { spec: { namespaces: { names: ['home'], selector: { matchLabels: { lan: 'yes' } } } } });
    const [home, shop] = [await nadThere('home', 'lan'), await nadThere('shop', 'lan')];
    expect(home?.spec?.config).toBe(shop?.spec?.config);
    expect(JSON.parse(home?.spec?.config ?? '')).toMatchObject({ name: 'lan', plugins: [{ master: 'mva-lan' }] });
    const object = await untilReason(world.client, 'lan', 'Rendered', 'UpToDate');
    expect(object.status).toMatchObject({ alias: 'mva-lan', namespaces: 2, phase: 'Active', summary: '0/0' });
    expect(object.metadata.finalizers).toEqual(['macvlan.dev/cleanup']);
    await untilQuiet(controller);
    expect(controller.writes.slice(before).filter((write) => !write.includes('/events'))).toHaveLength(4);
  });

  test('gets its NAD back at once when somebody deletes or edits it, and foreign labels stay', async () => {
    const key = { namespace: 'home', name: 'lan' };
    const before = await nadThere('home', 'lan');
    await world.client.delete(NETWORK_ATTACHMENT_DEFINITION, key);
    const again = await nadThere('home', 'lan');
    expect(again?.spec?.config).toBe(before?.spec?.config);
    const patch = { metadata: { labels: { 'macvlan.dev/attachment': 'other', mine: 'yes' } }, spec: { config: '{}' } };
    await world.client.mergePatch(NETWORK_ATTACHMENT_DEFINITION, key, patch);
    await until('the NAD is as it was', async () => {
      const nad = await readNad(world.client, 'home', 'lan');
      return nad?.spec?.config === before?.spec?.config && nad?.metadata.labels?.['macvlan.dev/attachment'] === 'lan';
    });
    expect((await readNad(world.client, 'home', 'lan'))?.metadata.labels?.['mine']).toBe('yes');
  });

  test('gets its NAD back when somebody takes our label off it', async () => {
    const key = { namespace: 'home', name: 'lan' };
    await world.client.mergePatch(NETWORK_ATTACHMENT_DEFINITION, key, {
      metadata: { labels: { 'macvlan.dev/attachment': null } },
    });
    await until('the label is back', async () => {
      const nad = await readNad(world.client, 'home', 'lan');
      return nad?.metadata.labels?.['macvlan.dev/attachment'] === 'lan';
    });
  });

  test('leaves no NAD behind in a namespace that it no longer selects', async () => {
    await world.client.mergePatch(ATTACHMENT, { name: 'lan' }, { spec: { namespaces: { selector: null } } });
    await nadGone('shop', 'lan');
    await untilReason(world.client, 'lan', 'Rendered', 'UpToDate');
    await until('one namespace', async () => (await readAttachment(world.client, 'lan'))?.status?.namespaces === 1);
    expect(await readNad(world.client, 'home', 'lan')).toBeDefined();
  });

  test('follows the labels of namespaces', async () => {
    await make('by-label', { spec: { namespaces: { selector: { matchLabels: { appliances: 'yes' } } } } });
    await untilReason(world.client, 'by-label', 'Rendered', 'UpToDate');
    await world.client.mergePatch(NAMESPACE, { name: 'shop' }, { metadata: { labels: { appliances: 'yes' } } });
    await nadThere('shop', 'by-label');
    await world.client.mergePatch(NAMESPACE, { name: 'shop' }, { metadata: { labels: { appliances: null } } });
    await nadGone('shop', 'by-label');
  });

  test('says which namespace is missing, and renders there once it appears', async () => {
    await make('early', { spec: { namespaces: { names: ['home', 'later'] } } });
    const object = await untilReason(world.client, 'early', 'Rendered', 'NamespaceMissing');
    expect(object.status?.problems).toContainEqual(expect.objectContaining({ namespace: 'later' }));
    expect(await nadThere('home', 'early')).toBeDefined();
    await makeNamespace(world.client, 'later');
    await nadThere('later', 'early');
    await untilReason(world.client, 'early', 'Rendered', 'UpToDate');
  });
});

test('a NAD that lost our label and is wanted no more goes all the same', async () => {
  await make('bare');
  await untilReason(world.client, 'bare', 'Rendered', 'UpToDate');
  await controller.stop();
  const labels = { 'macvlan.dev/attachment': null };
  await world.client.mergePatch(
    NETWORK_ATTACHMENT_DEFINITION,
    { namespace: 'home', name: 'bare' },
    { metadata: { labels } },
  );
  await world.client.delete(ATTACHMENT, { name: 'bare' });
  controller = world.start();
  await until('the NAD is gone', async () => (await readNad(world.client, 'home', 'bare')) === undefined);
  await until('so is the attachment', async () => (await readAttachment(world.client, 'bare')) === undefined);
});

describe('a NAD that somebody else made', () => {
  test('is left alone, said so, and makes room by going', async () => {
    const foreign = { metadata: { namespace: 'home', name: 'taken' }, spec: { config: '{"theirs":true}' } };
    await world.client.create(NETWORK_ATTACHMENT_DEFINITION, foreign);
    await make('taken');
    const object = await untilReason(world.client, 'taken', 'Rendered', 'NameTaken');
    expect(object.status).toMatchObject({ namespaces: 0 });
    expect((await readNad(world.client, 'home', 'taken'))?.spec?.config).toBe('{"theirs":true}');
    const writesBefore = controller.changes.length;
    await untilQuiet(controller);
    expect(controller.changes.slice(writesBefore).filter((write) => !write.includes('/events'))).toEqual([]);
    await world.client.delete(NETWORK_ATTACHMENT_DEFINITION, foreign.metadata);
    await until('its NAD, at once', () => readNad(world.client, 'home', 'taken'), 5000);
    await untilReason(world.client, 'taken', 'Rendered', 'UpToDate');
    const attempts = controller.writes.filter((write) => write.startsWith('POST') && write.includes('/home/network-'));
    expect(attempts.length).toBeLessThan(10); // all attachments of this file together: nothing is tried in a tight loop
    expect((await readNad(world.client, 'home', 'taken'))?.metadata.labels?.['macvlan.dev/attachment']).toBe('taken');
  }, 30_000);

  test('stays when the attachment of its name is deleted', async () => {
    const foreign = { metadata: { namespace: 'home', name: 'kept' }, spec: { config: '{"theirs":true}' } };
    await world.client.create(NETWORK_ATTACHMENT_DEFINITION, foreign);
    await make('kept');
    await untilReason(world.client, 'kept', 'Rendered', 'NameTaken');
    await world.client.delete(ATTACHMENT, { name: 'kept' });
    await until('no attachment', async () => (await readAttachment(world.client, 'kept')) === undefined);
    expect((await readNad(world.client, 'home', 'kept'))?.spec?.config).toBe('{"theirs":true}');
  });
});

describe('a spec that contradicts itself', () => {
  test('is refused with reason and remedy, and what was there before stays', async () => {
    const ranges = [{ subnet: '192.0.2.0/24', start: '192.0.2.10', end: '192.0.2.20' }];
    await make('ranges', { spec: { ipam: { type: 'HostLocal', hostLocal: { ranges } } } });
    const before = await nadThere('home', 'ranges');
    // Only seen by comparing the ranges of a list with each other, which the schema does not do.
    const overlapping = [...ranges, { subnet: '192.0.2.0/24', start: '192.0.2.20', end: '192.0.2.30' }];
    const patch = { spec: { ipam: { hostLocal: { ranges: overlapping } } } };
    await world.client.mergePatch(ATTACHMENT, { name: 'ranges' }, patch);
    const object = await untilReason(world.client, 'ranges', 'Accepted', 'RangesOverlap');
    expect(object.status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'RangesOverlap',
    });
    expect((await readNad(world.client, 'home', 'ranges'))?.spec?.config).toBe(before?.spec?.config);
    await until('an event tells of it', async () => {
      const events = await world.client.list({
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        plural: 'events',
        namespaced: true,
      });
      return events.items.some((event) => 'reason' in event && event.reason === 'RangesOverlap');
    });
  });
});

describe('a controller that starts again', () => {
  test('writes nothing when nothing changed', async () => {
    await untilQuiet(controller);
    await controller.stop();
    controller = world.start();
    await until('it leads again', () => controller.app.leads());
    await untilQuiet(controller, 1000);
    expect(controller.writes).toEqual([]);
  });

  test('removes the NADs of an attachment that went while it was away', async () => {
    await make('orphan');
    await nadThere('home', 'orphan');
    await untilQuiet(controller);
    await controller.stop();
    await world.client.mergePatch(ATTACHMENT, { name: 'orphan' }, { metadata: { finalizers: null } });
    await world.client.delete(ATTACHMENT, { name: 'orphan' });
    controller = world.start();
    await nadGone('home', 'orphan');
  });
});
