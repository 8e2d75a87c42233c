// Networks of other namespaces, with `isolation.type: Namespace`: refused in all spellings, those of one's own allowed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { POD } from '../../../src/api/kube.ts';
import { until } from '../../support/until.ts';
import { refusal, type Tenant, tenantOf } from './tenant.ts';
import { useIdentityWorld } from './use-world.ts';
import type { IdentityWorld } from './world.ts';

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const DEFAULT = 'v1.multus-cni.io/default-network';
const SAYS = /networks of their own namespace only|default network of their own namespace only/;

let world: IdentityWorld;
let tenant: Tenant;
let exempt: Tenant;
afterAll(async () => {
  for (const { client } of [tenant, exempt]) client.transport.close();
}, 30_000);
const opened = useIdentityWorld('isolation.type=Namespace', 'guards.rawPins=Allow');

beforeAll(async () => {
  world = opened();
  tenant = await tenantOf(world.plane, 'ten-1');
  exempt = await tenantOf(world.plane, 'exempt', { 'macvlan.dev/guards': 'exempt' });
  await until('the policy works', async () =>
    SAYS.test(await refusal(tenant.makePod('probe', { networks: 'home/lan' }))),
  );
}, 600_000);

let count = 0;
const attempt = (networks: string, annotations = {}) =>
  refusal(tenant.makePod(`pod-${++count}`, { networks, annotations }));

describe("another namespace's network is refused", () => {
  test.each([
    ['in the comma form', 'home/lan'],
    ['with an interface', 'home/lan@net5'],
    ['as one of several', 'lan,ten-1/cams, home/lan'],
    ['with white space', 'lan,\thome / lan'],
    ['where the name of the own one is only a part', 'xten-1/lan'],
    ['where the own one is a part of it', 'ten-1x/lan'],
    ['behind two slashes', 'ten-1/home/lan'],
    ['in JSON', '[{"name":"lan","namespace":"home"}]'],
    ['in another case', '[{"name":"lan","NameSpace":"home"}]'],
    ['in JSON with white space', '[ {"name":"lan" ,\n "namespace"\t:\r\n "home" } ]'],
    ['in the second element', '[{"name":"lan","namespace":"ten-1"},{"name":"lan","namespace":"home"}]'],
    ['before the own one', '[{"name":"lan","namespace":"home","namespace":null}]'],
    ['after the own one', '[{"name":"lan","namespace":"ten-1","NAMESPACE":"home"}]'],
    ['with an escape in the key', '[{"name":"lan","\\u006eamespace":"home"}]'],
    ['with an escape in the value', '[{"name":"lan","namespace":"\\u0068ome"}]'],
    ['with a letter that counts as s', '[{"name":"lan","name\u017fpace":"home"}]'],
    ['as a path in the name', '[{"name":"../../home/network-attachment-definitions/lan"}]'],
    ['as an encoded path in the name', '[{"name":"..%2fhome"}]'],
    ['that ends like the own one', '[{"name":"lan","namespace":"home ten-1"}]'],
    ['in an empty value, of which nobody knows', '[{"name":"lan","namespace":""}]'],
  ])('%s', async (_what, networks) => {
    expect(await attempt(networks)).toMatch(SAYS);
  });

  test.each([
    ['by name alone, which is in the namespace of Multus', 'lan'],
    ['by namespace', 'home/lan'],
    ['as one of several', 'ten-1/lan,home/lan'],
    ['in JSON, whatever it says', '[{"name":"lan","namespace":"ten-1"}]'],
    ['with escapes', 'ten-1/lan\\'],
  ])('as the default network, %s', async (_what, text) => {
    expect(await attempt('', { [DEFAULT]: text })).toMatch(SAYS);
  });

  test.each([NETWORKS, DEFAULT])(
    'in the annotation %s when it is added later, by every way to write a pod',
    async (key) => {
      const name = `later-${key === DEFAULT}`;
      await tenant.makePod(name, { networks: '', spec: { schedulingGates: [{ name: 'a.example/mine' }] } });
      const patch = { metadata: { annotations: { [key]: 'home/lan' } } };
      expect(await refusal(tenant.client.mergePatch(POD, { namespace: 'ten-1', name }, patch))).toMatch(SAYS);
      for (const subresource of ['status', 'ephemeralcontainers', 'resize'] as const) {
        // Here as somebody who may: editors may not.
        const path = `/api/v1/namespaces/ten-1/pods/${name}/${subresource}`;
        await world.client.transport.request({
          method: 'PATCH',
          path,
          body: patch,
          contentType: 'application/merge-patch+json',
        });
        expect((await tenant.pod(name))?.metadata.annotations?.[key]).toBeUndefined();
      }
    },
  );
});

describe('a pod is made', () => {
  test.each([
    ['on networks of its own namespace', 'lan, cams@net5'],
    ['that says so', 'ten-1/lan,ten-1/cams@net5'],
    ['in JSON', '[{"name":"lan"},{"name":"cams","namespace" : "ten-1", "interface":"net5","mac":"02:4d:00:00:00:01"}]'],
    ['that has namespace for a value', '[{"name":"namespace","interface":"namespace"}]'],
    ['without networks', ''],
  ])('%s', async (_what, networks) => {
    expect(await attempt(networks)).toBe('');
  });

  test('with a default network of its own namespace', async () => {
    expect(await attempt('', { [DEFAULT]: 'ten-1/lan' })).toBe('');
  });

  test('on networks of others in a namespace that is exempt', async () => {
    expect(await refusal(exempt.makePod('free', { networks: 'home/lan', annotations: { [DEFAULT]: 'lan' } }))).toBe('');
  });

  test('on networks of others by default', async () => {
    await world.upgrade();
    await until('the policy is gone', async () => (await attempt('home/lan')) === '');
  });
});
