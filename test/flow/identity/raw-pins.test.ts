// Pods that choose addresses in the networks annotation and ask nobody, with `guards.rawPins: Refuse`: in all spellings.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { POD } from '../../../src/api/kube.ts';
import { until } from '../../support/until.ts';
import { refusal, type Tenant, tenantOf } from './tenant.ts';
import { useIdentityWorld } from './use-world.ts';
import type { IdentityWorld } from './world.ts';

let world: IdentityWorld;
let tenant: Tenant;
let exempt: Tenant;
afterAll(async () => {
  for (const { client } of [tenant, exempt]) client.transport.close();
}, 30_000);
const opened = useIdentityWorld('guards.rawPins=Refuse');

const MAC = '"mac":"02:4d:00:00:00:01"';
const SAYS = 'chooses addresses (mac, ips or cni-args)';

beforeAll(async () => {
  world = opened();
  tenant = await tenantOf(world.plane, 'tenant');
  exempt = await tenantOf(world.plane, 'exempt', { 'macvlan.dev/guards': 'exempt' });
  await until('the policy works', async () =>
    (await refusal(tenant.makePod('probe', { networks: `[{"name":"lan",${MAC}}]` }))).includes(SAYS),
  );
}, 600_000);

let count = 0;
const attempt = (networks: string, fields: object = {}) =>
  refusal(tenant.makePod(`pod-${++count}`, { networks, ...fields }));

describe('a pod is refused', () => {
  test.each([
    ['a MAC address', `[{"name":"lan",${MAC}}]`],
    ['IP addresses', '[{"name":"lan","ips":["192.0.2.5/24"]}]'],
    ['cni-args', '[{"name":"lan","cni-args":{"ips":["192.0.2.5/24"]}}]'],
    ['a MAC address in the last of several networks', `[{"name":"a"},{"name":"b"}, {"name":"lan" , ${MAC} } ]`],
    ['another case', '[{"name":"lan","MaC":"02:4d:00:00:00:01"}]'],
    ['white space of all kinds', '[{"name":"lan","mac" \t\r\n : "02:4d:00:00:00:01"}]'],
    ['escapes', '[{"name":"lan","\\u006dac":"02:4d:00:00:00:01"}]'],
    ['an escape in a value, which might hide one in a key', '[{"name":"lan","org.example.x":"\\""}]'],
    ['a letter that counts as s', '[{"name":"lan","ip\u017f":["192.0.2.5/24"]}]'],
    ['the same in cni-args', '[{"name":"lan","cni-arg\u017f":{"ips":["192.0.2.5/24"]}}]'],
    ['the key twice', `[{"name":"lan",${MAC},"mac":null}]`],
    ['the key inside of another one', '[{"name":"lan","org.example.x":{"mac":"02:4d:00:00:00:01"}}]'],
    ['JSON that Multus would refuse', '{"mac":"02:4d:00:00:00:01"'],
  ])('with %s', async (_what, networks) => {
    expect(await attempt(networks)).toContain(SAYS);
  });

  test('with a MAC address in its default network, whether it is held or not', async () => {
    const annotations = { 'v1.multus-cni.io/default-network': `[{"name":"lan","namespace":"home",${MAC}}]` };
    expect(await attempt('', { annotations })).toContain(SAYS);
    expect(await attempt('lan', { annotations: { ...annotations, 'macvlan.dev/identity': 'auto' } })).toContain(SAYS);
  });

  test('that has the gate and asks for none, so that the controller would let it go as it is', async () => {
    const held = {
      labels: { 'macvlan.dev/gated': 'true' },
      annotations: { 'macvlan.dev/identity': 'none' },
      spec: { schedulingGates: [{ name: 'macvlan.dev/identity' }] },
    };
    expect(await attempt(`[{"name":"lan",${MAC}}]`, held)).toContain(SAYS);
  });

  test('that is held by a gate of somebody else and gets the address afterwards', async () => {
    await tenant.makePod('patient', { networks: '', spec: { schedulingGates: [{ name: 'a.example/mine' }] } });
    const key = { namespace: 'tenant', name: 'patient' };
    for (const annotation of ['k8s.v1.cni.cncf.io/networks', 'v1.multus-cni.io/default-network']) {
      const patch = { metadata: { annotations: { [annotation]: `[{"name":"lan",${MAC}}]` } } };
      expect(await refusal(tenant.client.mergePatch(POD, key, patch))).toContain(SAYS);
    }
  });
});

describe('a pod is made', () => {
  test.each([
    ['in the comma form', 'lan, cams@net5'],
    [
      'with other keys',
      '[{"name":"lan","interface":"net5","default-route":["192.0.2.1"],"org.example.x":{"a":[1,{}]}}]',
    ],
    ['with a network of such a name', '[{"name":"mac"},{"name":"ips","interface":"mac"}]'],
    ['without networks', ''],
  ])('%s', async (_what, networks) => {
    expect(await attempt(networks)).toBe('');
  });

  test('that asks for an identity: the controller looks at what it chooses', async () => {
    expect(await attempt(`[{"name":"lan",${MAC}}]`, { annotations: { 'macvlan.dev/identity': 'auto' } })).toBe('');
  });

  test('in a namespace that is exempt', async () => {
    expect(await refusal(exempt.makePod('free', { networks: `[{"name":"lan",${MAC}}]` }))).toBe('');
  });

  test('and changed in other ways, when it had its address before the policy came', async () => {
    await world.kubectl('delete', 'validatingadmissionpolicybinding', 'macvlan-raw-pins');
    await until('the policy is off', async () => (await attempt(`[{"name":"lan",${MAC}}]`)) === '');
    await tenant.makePod('old', { networks: `[{"name":"lan",${MAC}}]` });
    await world.upgrade('guards.rawPins=Refuse');
    await until('the policy is back', async () => (await attempt(`[{"name":"lan",${MAC}}]`)).includes(SAYS));
    const patch = { metadata: { labels: { app: 'x' } } };
    expect(await refusal(tenant.client.mergePatch(POD, { namespace: 'tenant', name: 'old' }, patch))).toBe('');
  });
});

test('by default a pod is made, and whoever makes it is warned', async () => {
  await world.upgrade();
  const pod = (name: string, networks: string) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'tenant', annotations: { 'k8s.v1.cni.cncf.io/networks': networks } },
      spec: { containers: [{ name: 'main', image: 'none' }] },
    });
  const create = async (networks: string) =>
    world.plane.kubectl(['create', '-f', '-'], { input: pod(`warned-${++count}`, networks) });
  await until('the policy warns', async () => {
    const { code, stderr } = await create(`[{"name":"lan",${MAC}}]`);
    return code === 0 && stderr.includes('Warning') && stderr.includes(SAYS);
  });
  expect(await create('lan')).toMatchObject({ code: 0, stderr: '' });
});

test('whoever writes a workload is warned as well, since its pods are made by a controller', async () => {
  await world.upgrade('guards.rawPins=Refuse');
  const deploy = (annotations: object) => {
    const labels = { app: 'x' };
    const spec = { containers: [{ name: 'main', image: 'none' }] };
    const workload = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: `workload-${++count}`, namespace: 'tenant' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels, annotations }, spec } },
    };
    return world.plane.kubectl(['create', '-f', '-'], { input: JSON.stringify(workload) });
  };
  const networks = (text: string) => ({ 'k8s.v1.cni.cncf.io/networks': text });
  await until('it warns', async () => {
    const { code, stderr } = await deploy(networks(`[{"name":"lan",${MAC}}]`));
    return (
      code === 0 && stderr.includes('in the template chooses addresses') && stderr.includes('pods will be refused')
    );
  });
  const fine = { code: 0, stderr: expect.not.stringContaining('chooses addresses') };
  for (const annotations of [
    networks('lan'),
    networks('[{"name":"lan"}]'),
    { ...networks(`[{"name":"lan",${MAC}}]`), 'macvlan.dev/identity': 'auto' },
  ]) {
    expect(await deploy(annotations)).toMatchObject(fine);
  }
});
