// A namespace's editor who wishes for another namespace's addresses, with his own token, under the chart's guards; and the
// controller behind them, where a policy cannot know.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { POD } from '../../../src/api/kube.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import { until } from '../../support/until.ts';
import { exhaustQuota } from './quota.ts';
import { grant, refusal, tenantOf } from './tenant.ts';
import { asks, EVIL, GATE, type TenantWorld } from './tenant-world.ts';
import { useTenants } from './use-world.ts';

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';

let tenants: TenantWorld;
const opened = useTenants();
beforeAll(() => {
  tenants = opened();
});

const makeIdentity = (name: string, spec: object, metadata = {}) =>
  tenants.editor.client.create(IDENTITY, { metadata: { namespace: EVIL, name, ...metadata }, spec } as never);

describe("another tenant's address is not to be had", () => {
  test.each([
    ['as MAC in an annotation', 'PinDenied', 'lan', () => ({ 'macvlan.dev/mac': tenants.victim.mac })],
    ['as MAC where pins are allowed', 'PinTaken', 'open', () => ({ 'macvlan.dev/mac': tenants.victim.mac })],
    ['as MAC of another attachment', 'PinTaken', 'open', () => ({ 'macvlan.dev/mac': tenants.victim.openMac })],
    ['as IP in an annotation', 'PinDenied', 'pool', () => ({ 'macvlan.dev/ip': tenants.victim.ip })],
    ['as IP where pins are allowed', 'PinTaken', 'open', () => ({ 'macvlan.dev/ip': tenants.victim.openIp })],
    ['as IP in another spelling', 'PinTaken', 'open', () => ({ 'macvlan.dev/ip': `${tenants.victim.openIp}/24` })],
  ])('%s', async (what, reason, networks, annotations) => {
    const name = `by-annotation-${what.replaceAll(/[^a-zA-Z]/g, '').toLowerCase()}`;
    await tenants.make(name, networks, asks('auto', annotations()));
    expect(await tenants.toldWhy(name)).toBe(reason);
  });

  test.each([
    ['a MAC', 'PinDenied', () => `[{"name":"lan","mac":"${tenants.victim.mac}"}]`],
    [
      'a MAC in another spelling',
      'PinTaken',
      () => `[{"name":"open","mac":"${tenants.victim.openMac.replaceAll(':', '-')}"}]`,
    ],
    ['a MAC in another case', 'PinTaken', () => `[{"name":"open","MAC":"${tenants.victim.openMac.toUpperCase()}"}]`],
    ['an IP', 'PinDenied', () => `[{"name":"pool","ips":["${tenants.victim.ip}/24"]}]`],
    [
      'addresses in cni-args',
      'PinInvalid',
      () => `[{"name":"open","cni-args":{"ips":["${tenants.victim.openIp}/24"]}}]`,
    ],
    [
      'a MAC on a network of others',
      'PinDenied',
      () => `[{"name":"lan"},{"name":"other","mac":"${tenants.victim.mac}"}]`,
    ],
    ['more links than an identity holds', 'NetworksInvalid', () => Array(33).fill('pool').join(',')],
  ])('as %s in the networks annotation of a pod that asks', async (what, reason, networks) => {
    const name = `by-networks-${what.replaceAll(/[^a-zA-Z]/g, '').toLowerCase()}`;
    await tenants.make(name, networks());
    expect(await tenants.toldWhy(name)).toBe(reason);
    if (reason === 'NetworksInvalid') expect(await tenants.claimsOf(`pod-${name}`)).toEqual([]);
  });

  test('by choosing it on an attachment that comes to the namespace later', async () => {
    const gate = { labels: { 'macvlan.dev/gated': 'true' }, spec: { schedulingGates: [{ name: GATE }] } };
    // Held by their templates alone: only a pod all of whose networks are somebody else's would be let go.
    await tenants.editor.makePod('early', { networks: '[{"name":"secret","ips":["192.0.2.77/24"]}]', ...gate });
    expect(await tenants.toldWhy('early')).toBe('NetworkMissing');
    await tenants.editor.makePod('harmless', { networks: 'secret', ...gate });
    expect(await tenants.toldWhy('harmless')).toBe('NetworkMissing');
  });

  test('in a pod that does not ask', async () => {
    expect(await refusal(tenants.make('raw', `[{"name":"lan","mac":"${tenants.victim.mac}"}]`, {}))).toContain(
      'chooses addresses',
    );
  });

  test("through another namespace's network", async () => {
    for (const networks of ['home/secret', '[{"name":"secret","namespace":"home"}]']) {
      expect(await refusal(tenants.make('abroad', networks))).toContain('networks of their own namespace only');
    }
  });
});

describe('with an identity', () => {
  test.each([
    ['an address that it may not choose', 'PinDenied', 'lan', () => ({ attachment: 'lan', mac: tenants.victim.mac })],
    ['an address of another', 'PinTaken', 'open', () => ({ attachment: 'open', ips: [tenants.victim.openIp] })],
    ['a MAC of another', 'PinTaken', 'open', () => ({ attachment: 'open', mac: tenants.victim.openMac })],
  ])('that has %s, nothing is gained', async (_what, reason, networks, link) => {
    const name = `chosen-${reason.toLowerCase()}-${Object.keys(link()).at(-1)}`;
    await makeIdentity(name, { attachments: [{ index: 0, ...link() }] });
    await tenants.make(`pod-of-${name}`, networks, asks(name));
    expect(await tenants.toldWhy(`pod-of-${name}`)).toBe(reason);
    expect(await tenants.claimsOf(name)).toEqual([]);
  });

  test('that a pod holds, nothing is claimed by writing more into it', async () => {
    await tenants.make('holder', 'pool', asks('greedy'));
    await tenants.bound('holder');
    const before = await tenants.claimsOf('greedy');
    expect(before).toHaveLength(2);
    const ips = Array.from({ length: 8 }, (_, i) => `192.0.2.${100 + i}`);
    const own = (await tenants.editor.client.list(IDENTITY, { namespace: EVIL })).items.find(
      (it) => it.metadata.name === 'greedy',
    );
    const attachments = [
      ...(own?.spec.attachments ?? []),
      { attachment: 'pool', index: 7, mac: '02:4d:00:00:00:66', ips },
      { attachment: 'secret', index: 0, ips: ['192.0.2.50'] },
      { attachment: 'lan', index: 0, mac: tenants.victim.mac },
    ];
    await tenants.editor.client.mergePatch(IDENTITY, { namespace: EVIL, name: 'greedy' }, { spec: { attachments } });
    // A pod that wants the same identity is told for whom it waits: by then, the controller has seen the edit.
    await tenants.make('rival', 'pool', asks('greedy'));
    expect(await tenants.toldWhy('rival')).toBe('HolderAlive');
    expect(await tenants.claimsOf('greedy')).toEqual(before);
    // And the next holder gets no more than its own link.
    await tenants.world.kubectl('-n', EVIL, 'delete', 'pod', 'holder', '--force', '--grace-period=0'); // it never ran
    await tenants.bound('rival');
    await until('claims are as before', async () => String(await tenants.claimsOf('greedy')) === String(before));
  });

  test('an editor can neither say that a pod is gone nor delete it', async () => {
    await makeIdentity('mine', {});
    const key = { namespace: EVIL, name: 'mine' };
    const release = { metadata: { annotations: { 'macvlan.dev/release': 'x' } } };
    expect(await refusal(tenants.editor.client.mergePatch(IDENTITY, key, release))).toContain(
      'needs the verb "release"',
    );
    expect(await refusal(makeIdentity('released', {}, release.metadata))).toContain('needs the verb "release"');
    expect(await refusal(tenants.editor.client.delete(IDENTITY, key))).toContain('cannot delete');
    // The garbage collector would do it for him.
    const gone = { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'x' }] };
    expect(await refusal(tenants.editor.client.mergePatch(IDENTITY, key, { metadata: gone }))).toContain(
      'needs the verb "delete"',
    );
    expect(await refusal(makeIdentity('owned', {}, gone))).toContain('needs the verb "delete"');
    const { status } = await tenants.editor.client.transport.request({
      method: 'DELETE',
      path: `/apis/macvlan.dev/v1alpha1/namespaces/${EVIL}/macvlanidentities`,
    });
    expect(status).toBe(403);
    // Whoever has that verb may, and other edits are nobody's business.
    await grant(tenants.world.plane, tenants.editor, 'release', 'macvlanidentities.macvlan.dev');
    await until(
      'the right takes effect',
      async () => (await refusal(tenants.editor.client.mergePatch(IDENTITY, key, release))) === '',
    );
    const reclaim = { spec: { reclaim: { type: 'Delete', after: '1h' } } };
    expect(await refusal(tenants.editor.client.mergePatch(IDENTITY, key, reclaim))).toBe('');
  });

  test('an editor cannot write its status, not even where a role lets him', async () => {
    const key = { namespace: EVIL, name: 'greedy' };
    const write = () =>
      tenants.editor.client.mergePatch(
        IDENTITY,
        key,
        { status: { phase: 'Free', holder: null } },
        { subresource: 'status' },
      );
    expect(await refusal(write())).toContain('cannot patch resource "macvlanidentities/status"');
    await grant(tenants.world.plane, tenants.editor, 'update,patch', 'macvlanidentities.macvlan.dev/status');
    await until('the role takes effect', async () => !(await refusal(write())).includes('cannot patch'));
    expect(await refusal(write())).toContain('status of a MacvlanIdentity is written by the macvlan controller');
  });

  test('a quota limits how many addresses a namespace has: a pod beyond it waits without, and goes on when there is room', async () => {
    const { world } = tenants;
    const small = await tenantOf(tenants.world.plane, 'small');
    small.client.transport.close();
    const namespaces = '{"spec":{"namespaces":{"names":["home","evil","small"]}}}';
    await world.kubectl('patch', 'mva', 'pool', '--type=merge', '-p', namespaces);
    await until('NAD', () => world.kubectl('-n', 'small', 'get', 'net-attach-def', 'pool'));
    const annotations = { [NETWORKS]: 'pool', [GATE]: 'auto' };
    const makePod = (name: string) =>
      world.client.create(POD, {
        metadata: { namespace: 'small', name, annotations },
        spec: { containers: [{ name: 'a', image: 'b' }] },
      });
    const toldOf = async (name: string) =>
      (
        await world.kubectl(
          ...['-n', 'small', 'get', 'events', '--field-selector', `involvedObject.name=${name}`],
          ...['-o', 'jsonpath={..reason}'],
        )
      )?.includes('QuotaExceeded');
    const claims = async () => (await world.claims()).filter(({ spec }) => spec.identity.namespace === 'small').length;
    const state = async (name: string) =>
      (await world.client.get(POD, { namespace: 'small', name }))?.metadata.labels?.['macvlan.dev/gated'];

    await exhaustQuota(world, 'small');
    await makePod('one');
    await until('it is told', () => toldOf('one'));
    await until('no address is left with it', async () => (await claims()) === 0);
    await world.kubectl('-n', 'small', 'delete', 'resourcequota', 'q');
    await world.kubectl('-n', 'small', 'label', 'pod', 'one', 'a=b'); // sooner than in half a minute
    await until('it is bound', async () => (await state('one')) === 'bound', 60_000);

    // An identity that was deleted under its pod cannot be recorded again: that is no reason to leave the others without a word.
    const had = await claims();
    await exhaustQuota(world, 'small');
    await world.kubectl('-n', 'small', 'delete', 'mvi', 'pod-one');
    await makePod('two');
    await until('the second one is told', () => toldOf('two'));
    await until('the first one has all its claims, and the second one none', async () => (await claims()) === had);
    await world.kubectl('-n', 'small', 'delete', 'resourcequota', 'q');
    await world.kubectl('-n', 'small', 'label', 'pod', 'two', 'a=b');
    await until(
      'both have theirs',
      async () => {
        const identities = await world.kubectl('-n', 'small', 'get', 'mvi', '-o', 'name');
        return identities?.includes('pod-one') === true && (await state('two')) === 'bound';
      },
      60_000,
    );
  });
});

test('after all this, the other tenant has what it had', () => tenants.expectNothingTaken());
