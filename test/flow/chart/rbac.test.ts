// Controller and agent with the accounts that the chart gives them: what they do, they may; the API server's audit log is the witness.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Reporter } from '../../../src/agent/reporter.ts';
import { createStores, reflectorsFor } from '../../../src/agent/stores.ts';
import { createController } from '../../../src/controller/controller.ts';
import type { Options } from '../../../src/controller/options.ts';
import { monotonicClock } from '../../../src/kernel/process/clock.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';
import { agentTokenOn, NAMESPACE, requestsOf, tokenOf } from './accounts.ts';
import { CHART, runHelm } from './helm.ts';

const plane = useControlPlane({ audit: 'Metadata' });
const stopping = new AbortController();
let running: Promise<void> = Promise.resolve();

async function kubectl(args: readonly string[], object?: object): Promise<string> {
  const options = object === undefined ? {} : { input: JSON.stringify(object) };
  const { code, stdout, stderr } = await plane().kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const apply = (object: object, ...more: string[]) => kubectl(['apply', '--server-side', '-f', '-', ...more], object);

/** What Multus installs. */
const NAD_CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'network-attachment-definitions.k8s.cni.cncf.io' },
  spec: {
    group: 'k8s.cni.cncf.io',
    scope: 'Namespaced',
    names: {
      kind: 'NetworkAttachmentDefinition',
      plural: 'network-attachment-definitions',
      singular: 'network-attachment-definition',
      shortNames: ['net-attach-def'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { config: { type: 'string' } } } },
          },
        },
      },
    ],
  },
};

beforeAll(async () => {
  const installed = await runHelm(
    ['install', 'operator', CHART, '-n', NAMESPACE, '--create-namespace'],
    plane().kubeconfig,
  );
  expect(installed.stderr).toBe('');
  await apply(NAD_CRD);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a', labels: { lan: 'yes' } } });
  const client = clientFor({ ...plane(), token: await tokenOf(plane(), 'macvlan-controller') });
  const app = createController({ client, options: options(), logger: silentLogger(), timing: { lingerMs: 10 } });
  running = app.run(stopping.signal);
}, 600_000);

afterAll(async () => {
  stopping.abort();
  await running;
});

function options(): Options {
  return {
    podName: 'controller-0',
    namespace: NAMESPACE,
    agentImage: 'image:1',
    agentPullPolicy: 'Never',
    agentServiceAccount: 'macvlan-agent',
    cniBinDir: '/opt/cni/bin',
    logLevel: 'silent',
    rawPins: 'Allow',
    healthPort: 0,
    metricsPort: 0,
    agentHealthPort: 9471,
    agentMetricsPort: 9472,
    kubeconfig: undefined,
  };
}

test('the controller does its whole work without a refusal', async () => {
  const lan = {
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanAttachment',
    metadata: { name: 'lan' },
    spec: {
      namespaces: { names: ['default', 'taken'] },
      ipam: { type: 'DHCP' },
      nodeSelector: { matchLabels: { lan: 'yes' } },
    },
  };
  const foreign = { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition' };
  await kubectl(['create', 'namespace', 'taken']);
  await apply({ ...foreign, metadata: { name: 'lan', namespace: 'taken' } });
  await apply(lan);
  const has = async (...args: string[]) => (await plane().kubectl(['get', ...args])).stdout !== '';
  await until('the NAD is there', () => has('net-attach-def', 'lan', '-o', 'name'));
  await until('the node is labelled', () => has('node', '-l', 'macvlan.dev/agent=true', '-o', 'name'));
  await until('the DaemonSet is there', () => has('-n', NAMESPACE, 'daemonset', 'macvlan-agent', '-o', 'name'));
  await until('its sibling is there', () => has('-n', NAMESPACE, 'daemonset', 'macvlan-dhcp', '-o', 'name'));
  await until('the status is written', () => has('mva', 'lan', '-o', 'jsonpath={.status.conditions[*].type}'));
  const owner = [
    '-n',
    NAMESPACE,
    'get',
    'daemonset',
    'macvlan-agent',
    '-o',
    'jsonpath={.metadata.ownerReferences[0].name}',
  ];
  expect(await kubectl(owner)).toBe('macvlan-agent');

  await kubectl(['delete', 'net-attach-def', 'lan']);
  await until('the NAD is back', () => has('net-attach-def', 'lan', '-o', 'name'));
  await until('an event tells of the name that is taken', () => has('events.events.k8s.io', '-o', 'name'));

  // An agent that reports, and then a deletion with nothing left on the node.
  await apply({ apiVersion: 'macvlan.dev/v1alpha1', kind: 'MacvlanNodeState', metadata: { name: 'node-a' } });
  await kubectl(['delete', 'mva', 'lan', '--timeout=30s']);
  await until('the NAD is gone', async () => !(await has('net-attach-def', 'lan', '--ignore-not-found', '-o', 'name')));
  await until('the label is off', async () => !(await has('node', '-l', 'macvlan.dev/agent=true', '-o', 'name')));
  await until('the state is gone', async () => !(await has('mvn', '-o', 'name')));
  await until('the DaemonSet is gone', async () => !(await has('-n', NAMESPACE, 'daemonset', '-o', 'name')));
  expect(refusalsOf('macvlan-controller')).toEqual([]);
}, 60_000);

test('an agent watches and reports without a refusal', async () => {
  const client = clientFor({ ...plane(), token: await agentTokenOn(plane(), 'node-b') });
  const stores = createStores();
  const reflectors = reflectorsFor('node-b', stores, { client, logger: silentLogger(), clock: monotonicClock });
  const watching = new AbortController();
  const watches = reflectors.map((reflector) => reflector.run(watching.signal));
  await Promise.all(reflectors.map((reflector) => reflector.synced));

  const [node] = stores.nodes.list();
  if (node === undefined) throw new Error('the agent does not see its node');
  const reporter = new Reporter({ client, onWritten: () => {} });
  for (const phase of ['Pending', 'Ready'] as const) {
    reporter.publish(node, { agent: { version: '1', bootId: 'b' }, attachments: [{ name: 'lan', phase }] });
    expect(await reporter.write(watching.signal)).toEqual({ type: 'done' });
  }
  await until('it sees its own report', () => stores.states.get('node-b')?.status?.attachments?.[0]?.phase === 'Ready');
  watching.abort();
  await Promise.all(watches);
  expect(refusalsOf('macvlan-agent')).toEqual([]);
});

function refusalsOf(account: string): readonly string[] {
  const requests = requestsOf(plane(), account);
  expect(requests.length).toBeGreaterThan(5);
  return requests.filter((request) => request.startsWith('403'));
}
