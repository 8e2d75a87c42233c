// The stand-in for Multus against a real API server: what it writes on a pod is accepted and leaves the rest of the pod alone.

import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { useControlPlane } from '../../support/control-plane.ts';
import { clusterAnswer, multusBinary } from '../../unit/multus/binary.ts';
import { recordings } from '../../unit/multus/recorded.ts';
import { Sandbox } from '../../unit/multus/sandbox.ts';

const plane = useControlPlane();
const { networks } = recordings();
let binary: string;
let sandbox: Sandbox | undefined;

interface Pod {
  readonly metadata: { readonly uid: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: object;
}

beforeAll(async () => {
  binary = await multusBinary();
  await kubectl('apply', '-f', join(import.meta.dirname, '../../support/multus-crd.yaml'));
  await kubectl('wait', '--for=condition=Established', 'crd/network-attachment-definitions.k8s.cni.cncf.io');
}, 300_000);

afterEach(async () => {
  await sandbox?.close();
  sandbox = undefined;
});

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane().kubectl(args);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function apply(object: object): Promise<void> {
  const { code, stderr } = await plane().kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  if (code !== 0) throw new Error(stderr);
}

async function podWith(annotation: string): Promise<Pod> {
  const metadata = { name: 'web', namespace: 'default', annotations: { 'k8s.v1.cni.cncf.io/networks': annotation } };
  await kubectl('delete', 'pod', 'web', '--ignore-not-found', '--force');
  await apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'c', image: 'i' }] } });
  return readPod();
}

async function readPod(): Promise<Pod> {
  return JSON.parse(await kubectl('get', 'pod', 'web', '-o', 'json')) as Pod;
}

async function eventsWith(reason: string): Promise<string[]> {
  const all = JSON.parse(await kubectl('get', 'events', '-o', 'json')) as {
    items: { reason: string; message: string; involvedObject: { name: string } }[];
  };
  return all.items.filter((each) => each.reason === reason).map((each) => each.message);
}

async function attach(pod: Pod) {
  sandbox = await Sandbox.open(binary, 'web', undefined, {});
  const args = `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=${pod.metadata.uid}`;
  const interfaces = [{ name: 'net1', mac: '02:00:00:00:00:61', sandbox: sandbox.netns }];
  sandbox.answer(clusterAnswer(sandbox.netns), { exit: 0, stdout: { cniVersion: '1.0.0', interfaces } });
  return sandbox.call('ADD', args, { kubeconfig: plane().kubeconfig });
}

describe('against a real API server', () => {
  test('a pod gets its network-status and its events, and keeps what it had', async () => {
    const metadata = { name: 'nocap', namespace: 'default' };
    const spec = { config: JSON.stringify(networks['default/nocap']) };
    await apply({ apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata, spec });
    const before = await podWith('nocap');
    expect(await attach(before)).toMatchObject({ code: 0 });
    const after = await readPod();
    const status: unknown = JSON.parse(after.metadata.annotations['k8s.v1.cni.cncf.io/network-status'] ?? '[]');
    expect(status).toEqual([
      expect.objectContaining({ name: 'cbr', default: true }),
      { name: 'default/nocap', interface: 'net1', mac: '02:00:00:00:00:61', dns: {} },
    ]);
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.annotations['k8s.v1.cni.cncf.io/networks']).toBe('nocap');
    expect(await eventsWith('AddedInterface')).toEqual(
      expect.arrayContaining(['Add eth0 [10.244.2.5/24] from cbr', 'Add net1 [] from default/nocap']),
    );
  });

  test('a missing definition is told in the words that were recorded', async () => {
    const outcome = await attach(await podWith('nowhere'));
    const words =
      'cannot find a network-attachment-definition (nowhere) in namespace (default): ' +
      'network-attachment-definitions.k8s.cni.cncf.io "nowhere" not found';
    expect((JSON.parse(outcome.stdout) as { msg: string }).msg).toMatch(
      new RegExp(`error loading k8s delegates k8s args: .*${words.replace(/[()]/g, '\\$&')}$`),
    );
    expect(await eventsWith('NoNetworkFound')).toEqual([words]);
  });
});
