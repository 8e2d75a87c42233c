// The MAC-filter probe on a real cluster: agents get the right to ask, ask, and a LAN that filters is told without anything being
// held back.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { programFor } from '../../src/domain/shim/egress.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { until } from '../support/until.ts';
import { chartArguments, kubectlOutput } from './chart.ts';
import { loadStoryImages } from './images.ts';
import { OPERATOR_NAMESPACE } from './world.ts';

const LONG_MS = 4 * 60_000;
const PATIENCE_MS = 60_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ instance: `filter-${process.pid}`, life: 'Owner' });
  const image = await loadStoryImages(cluster);
  await kubectl('create', 'namespace', 'home');
  const chart = chartArguments(image, 'controller.replicas=1');
  expect(await cluster.helm(['install', ...chart, '--wait'])).toMatchObject({ code: 0 });
}, LONG_MS);

afterAll(async () => {
  await cluster?.down();
}, LONG_MS);

const kubectl = (...args: string[]) => kubectlOutput(cluster, args);

const jsonPath = (path: string, ...what: string[]) => kubectl('get', ...what, '-o', `jsonpath=${path}`);
const condition = (type: string) => {
  const path = `{.status.conditions[?(@.type=="${type}")]['status','reason','message']}`;
  return jsonPath(path, 'mva', 'lan');
};
const rights = () =>
  jsonPath(
    '{.spec.template.spec.containers[0].securityContext.capabilities.add}',
    // It is made with the first attachment.
    ...['-n', OPERATOR_NAMESPACE, 'daemonset', 'macvlan-agent', '--ignore-not-found'],
  );

/** Both nodes, each asking this address on its LAN NIC. */
async function ask(gateway: string): Promise<void> {
  const [a, b] = cluster.nodes;
  const spec = {
    parents: [
      { nodeSelector: { 'kubernetes.io/hostname': a?.name }, interface: { name: a?.parent } },
      { interface: { name: b?.parent } },
    ],
    namespaces: { names: ['home'] },
    ipam: { type: 'None' },
    macFilterProbe: { type: 'Gateway', gateway },
  };
  const lan = { apiVersion: 'macvlan.dev/v1alpha1', kind: 'MacvlanAttachment', metadata: { name: 'lan' }, spec };
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(lan) });
  if (code !== 0) throw new Error(stderr);
}

const verdicts = () => jsonPath('{.items[*].status.attachments[*].macFilterProbe}', 'mvn');

/** From now on the LAN's router hears the machines that it knows, and nobody else. */
async function filterAtRouter(): Promise<void> {
  const { bridge } = cluster.lan;
  const program = programFor(cluster.nodes.map(({ parentMac }) => parentMac)).map(({ code, jt, jf, k }) => {
    const isLoad = code === 0x20 || code === 0x28;
    return `${code} ${jt} ${jf} ${isLoad ? k + 6 : k}`;
  });
  const filter = ['bpf', 'da', 'bytecode', [`${program.length}`, ...program].join(',')];
  for (const argv of [
    ['tc', 'qdisc', 'add', 'dev', bridge, 'clsact'],
    ['tc', 'filter', 'add', 'dev', bridge, 'ingress', ...filter],
  ]) {
    expect(await cluster.lan.exec(argv)).toMatchObject({ code: 0 });
  }
}

test(
  'agents get the right to ask while an attachment wants to know, and find an open LAN open',
  async () => {
    await ask(cluster.client.address);
    await until(
      'the DaemonSet gives the right',
      async () => (await rights()) === '["NET_ADMIN","NET_RAW"]',
      PATIENCE_MS,
    );
    await until('both nodes have asked', async () => (await verdicts()) === 'Open Open', PATIENCE_MS);
    await kubectl('wait', 'mva/lan', '--for=condition=Ready', '--timeout=60s');
    expect(await condition('NoWarnings')).toMatch(/^True NothingSeen/);
  },
  LONG_MS,
);

test(
  'where the router hears nobody but the NICs, it is told with a remedy; the nodes stay ready, and nothing is left of the probe',
  async () => {
    await filterAtRouter();
    await ask(cluster.lan.router);
    await until('both nodes have asked', async () => (await verdicts()) === 'Filtered Filtered', PATIENCE_MS);
    const said = async () => (await condition('NoWarnings')).includes('False MacFilteringSuspected');
    await until('the attachment says so', said, PATIENCE_MS);
    expect(await condition('NoWarnings')).toContain(cluster.lan.router);
    expect(await condition('Ready')).toMatch(/^True Working/);
    expect(await jsonPath('{.status.nodes}', 'mva', 'lan')).toBe('{"degraded":0,"matched":2,"ready":2}');
    const events = () => jsonPath('{.items[*].reason}', 'events', '--field-selector=involvedObject.name=lan');
    await until('an event tells it', async () => (await events()).includes('MacFilteringSuspected'), PATIENCE_MS);
    for (const node of cluster.nodes) expect((await node.exec(['ip', 'link'])).stdout).not.toContain('mvp-');
  },
  LONG_MS,
);

test(
  'they lose it when nobody wants to know any more, and nothing is said then',
  async () => {
    const patch = JSON.stringify({ spec: { macFilterProbe: { type: 'None', gateway: null } } });
    await kubectl('patch', 'mva', 'lan', '--type=merge', '-p', patch);
    await until('the right is gone', async () => (await rights()) === '["NET_ADMIN"]', PATIENCE_MS);
    const isQuiet = async () => (await condition('NoWarnings')).startsWith('True');
    await until('the warning is gone', isQuiet, PATIENCE_MS);
    expect(await verdicts()).toBe('');
  },
  LONG_MS,
);
