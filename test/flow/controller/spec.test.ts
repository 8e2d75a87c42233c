// What a spec can ask for beyond the usual, from the API server's door to the NAD and the conditions.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NAMESPACE } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachmentSpec } from '../../../src/api/v1alpha1/attachment.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  makeNode,
  openWorld,
  readNad,
  untilReason,
  type World,
  writeNodeState,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  world.start();
}, 60_000);

async function make(name: string, spec: Partial<MacvlanAttachmentSpec>): Promise<void> {
  const metadata = { name, generation: undefined, finalizers: undefined } as never;
  await world.client.create(ATTACHMENT, attachment({ name, metadata, spec }));
}

const change = (name: string, spec: object) => world.client.mergePatch(ATTACHMENT, { name }, { spec });
const nad = (name: string) => until(`NAD ${name}`, () => readNad(world.client, 'home', name));
const configOf = async (name: string) => JSON.parse((await nad(name))?.spec?.config ?? '{}') as object;

describe('a namespace that is being deleted', () => {
  test('loses its NAD at once, is said to be missing where it was named, and gets no new one', async () => {
    await makeNamespace(world.client, 'leaving', { lan: 'yes' });
    await make('by-name', { namespaces: { names: ['home', 'leaving'] } });
    await make('by-label', { namespaces: { selector: { matchLabels: { lan: 'yes' } } } });
    const there = (name: string) => readNad(world.client, 'leaving', name);
    await until(
      'both NADs',
      async () => (await there('by-name')) !== undefined && (await there('by-label')) !== undefined,
    );
    // Nobody finishes the deletion here, so the namespace stays as it is while its pods would still be leaving.
    await world.client.delete(NAMESPACE, { name: 'leaving' });
    await until(
      'no NAD',
      async () => (await there('by-name')) === undefined && (await there('by-label')) === undefined,
    );
    const named = await untilReason(world.client, 'by-name', 'Rendered', 'NamespaceMissing');
    expect(named.status).toMatchObject({ namespaces: 1, problems: [{ namespace: 'leaving' }, expect.anything()] });
    await make('late', { namespaces: { names: ['leaving'] } });
    await untilReason(world.client, 'late', 'Rendered', 'NamespaceMissing');
    expect(await there('late')).toBeUndefined();
  });
});

describe('labels and annotations of the user', () => {
  const own = { 'macvlan.dev/attachment': 'tagged', 'app.kubernetes.io/managed-by': 'macvlan-operator' };
  const labelsAre = (labels: object) =>
    until(`the labels ${JSON.stringify(labels)}`, async () => {
      const found = (await readNad(world.client, 'home', 'tagged'))?.metadata.labels ?? {};
      return JSON.stringify(sorted(found)) === JSON.stringify(sorted(labels));
    });

  test('are on the NAD, follow the spec, come back when somebody edits them, and go; what others put on stays', async () => {
    await make('tagged', {
      networkDefinition: { labels: { team: 'home', tier: 'one' }, annotations: { 'example.org/contact': 'ops' } },
    });
    await labelsAre({ ...own, team: 'home', tier: 'one' });
    expect((await nad('tagged'))?.metadata.annotations).toMatchObject({ 'example.org/contact': 'ops' });

    const key = { namespace: 'home', name: 'tagged' };
    const foreign = { labels: { theirs: 'yes', team: 'stolen' }, annotations: { theirs: 'too' } };
    await world.client.mergePatch(NETWORK_ATTACHMENT_DEFINITION, key, { metadata: foreign });
    await labelsAre({ ...own, team: 'home', tier: 'one', theirs: 'yes' });

    await change('tagged', { networkDefinition: { labels: { tier: null, team: 'garden' } } });
    await labelsAre({ ...own, team: 'garden', theirs: 'yes' });
    await change('tagged', { networkDefinition: null });
    await labelsAre({ ...own, theirs: 'yes' });
    await until('no annotation but theirs', async () => {
      const found = (await readNad(world.client, 'home', 'tagged'))?.metadata.annotations ?? {};
      return Object.keys(found).join() === 'theirs';
    });
  });
});

describe('the configuration in the NAD', () => {
  test('has what the user wrote for other plugins, in his version of the specification', async () => {
    const config = { type: 'whereabouts', range: '192.0.2.0/24', nested: { z: [1, { b: null, a: true }] } };
    const chain = [{ type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.arp_announce': '2' } }, { type: 'sbr' }];
    await make('raw', { ipam: { type: 'Raw', raw: { config } }, chain, cniVersion: '1.1.0' });
    expect(await configOf('raw')).toMatchObject({
      cniVersion: '1.1.0',
      plugins: [{ type: 'macvlan', ipam: config }, ...chain],
    });
  });

  test('names no address of a pool, which comes with the pod', async () => {
    const pool = {
      ranges: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1', exclude: ['192.0.2.64/26'] }],
      routes: [{ to: '10.0.0.0/8' }],
    };
    await make('pool', { ipam: { type: 'Pool', pool } });
    expect(await configOf('pool')).toMatchObject({
      plugins: [{ ipam: { type: 'static', routes: [{ dst: '10.0.0.0/8', gw: '192.0.2.1' }] } }],
    });
  });
});

describe('what the API server cannot see is told in a condition, until it is put right, for', () => {
  const pool = (...ranges: readonly object[]) => ({ type: 'Pool', pool: { ranges } }) as MacvlanAttachmentSpec['ipam'];
  const subnet = '192.0.2.0/24';
  const raw = (config: object) => ({ type: 'Raw', raw: { config } }) as MacvlanAttachmentSpec['ipam'];

  test.each<[string, Partial<MacvlanAttachmentSpec>, string]>([
    ['reversed', { ipam: pool({ subnet: '2001:db8::/64', start: '2001:db8::f', end: '2001:db8::1' }) }, 'RangeInvalid'],
    ['overlapping', { ipam: pool({ subnet }, { subnet, start: '192.0.2.9' }) }, 'RangesOverlap'],
    ['two-types', { ipam: raw({ type: 'static', TYPE: 'host-local' }) }, 'PluginConfigInvalid'],
    ['huge', { ipam: raw({ type: 'static', text: 'x'.repeat(200_000) }) }, 'ConfigTooLarge'],
    ['bad-label', { networkDefinition: { labels: { 'home automation': '' } } }, 'MetadataInvalid'],
  ])('%s', async (name, spec, reason) => {
    await make(name, spec);
    const refused = await untilReason(world.client, name, 'Accepted', reason);
    expect(refused.status?.problems).toContainEqual(expect.objectContaining({ reason, remedy: expect.any(String) }));
    expect(await readNad(world.client, 'home', name)).toBeUndefined();
    await change(name, { ipam: { type: 'None', pool: null, raw: null }, networkDefinition: null });
    await untilReason(world.client, name, 'Accepted', 'Valid');
    await nad(name);
  });
});

describe('an attachment whose NIC is taken on a node', () => {
  test('says so, with node and remedy, and recovers', async () => {
    await makeNode(world.client, 'node-a', { rack: 'one' });
    await make('cam', { mode: 'passthru', nodeSelector: { matchLabels: { rack: 'one' } } });
    const entry = { name: 'cam', observedGeneration: 1, hostAccess: 'None' } as const;
    const problem = {
      reason: 'ParentTaken',
      message: 'eth0 carries the attachment lan.',
      remedy: 'Give it another NIC.',
    };
    const agent = { version: '1', bootId: 'b' };
    await writeNodeState(world.client, 'node-a', {
      agent,
      attachments: [{ ...entry, phase: 'Failed', problems: [problem] }],
    });
    const taken = await untilReason(world.client, 'cam', 'ParentsReady', 'ParentTaken');
    expect(taken.status?.problems).toEqual([{ ...problem, node: 'node-a' }]);
    expect(taken.status).toMatchObject({ nodes: { matched: 1, ready: 0, degraded: 1 }, summary: '0/1' });
    await writeNodeState(world.client, 'node-a', {
      agent,
      attachments: [{ ...entry, phase: 'Ready', interface: 'eth0', ifindex: 2, incarnation: 'b/2' }],
    });
    const ready = await untilReason(world.client, 'cam', 'Ready', 'Working');
    expect(ready.status?.problems).toBeUndefined();
  });
});

function sorted(texts: object): object {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
