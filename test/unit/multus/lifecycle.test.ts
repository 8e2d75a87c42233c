// What no recording shows but every cluster needs: the end of a pod, a slow API server, the verbs that ask nothing of pods.
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { clusterAnswer, multusBinary } from './binary.ts';
import { annotationsIn, eventIn } from './protobuf.ts';
import { recordings } from './recorded.ts';
import { Sandbox } from './sandbox.ts';

const { networks } = recordings();
let binary: string;
let sandbox: Sandbox | undefined;

beforeAll(async () => {
  binary = await multusBinary();
}, 300_000);

afterEach(async () => {
  await sandbox?.close();
  sandbox = undefined;
});

async function open(annotation?: string): Promise<Sandbox> {
  sandbox = await Sandbox.open(binary, 'web', annotation, networks);
  return sandbox;
}

function macvlanAnswer(netns: string, name: string) {
  const interfaces = [{ mac: '02:00:00:00:00:01', name, sandbox: netns }];
  return { exit: 0, stdout: { cniVersion: '1.0.0', interfaces }, links: [{ name }] };
}

const nothing = { exit: 0, stdout: null };

async function attached(annotation: string, ...names: string[]): Promise<Sandbox> {
  const pod = await open(annotation);
  pod.answer(clusterAnswer(pod.netns), ...names.map((name) => macvlanAnswer(pod.netns, name)));
  expect(await pod.call('ADD')).toMatchObject({ code: 0 });
  return pod;
}

/** Calls since the pod was attached, short. */
function later(pod: Sandbox, before: number): string[] {
  return pod
    .calls()
    .slice(before)
    .map(({ command, plugin, ifname }) => `${command} ${plugin} ${ifname}`);
}

describe('the end of a pod', () => {
  test('everything is deleted in reverse with what was saved, even when API and namespace are gone', async () => {
    const pod = await attached('[{"name":"lan","mac":"02:00:00:00:00:61"},{"name":"nocap"}]', 'net1', 'net2');
    expect(pod.saved).toBe(true);
    expect(pod.cached()).toEqual([`cbr-${pod.id}-eth0`, `lan-${pod.id}-net1`, `nocap-${pod.id}-net2`]);
    await pod.api.close();
    pod.answer(nothing, nothing, nothing);
    expect(await pod.call('DEL')).toMatchObject({ code: 0 });
    expect(later(pod, 3)).toEqual(['DEL macvlan net2', 'DEL macvlan net1', 'DEL cluster eth0']);
    const [second, first] = pod.calls().slice(3);
    expect(second?.stdin).toMatchObject({ name: 'nocap', prevResult: { interfaces: [{ name: 'net2' }] } });
    expect(first?.stdin).toMatchObject({ name: 'lan', runtimeConfig: { mac: '02:00:00:00:00:61' } });
    expect(first?.args).not.toContain('MAC=');
    expect(pod.cached()).toEqual([]);
    expect(pod.saved).toBe(false);
  });

  test('a second DEL, and one for a sandbox that never was, succeed and call nothing', async () => {
    const pod = await open('lan');
    pod.api.hidePod = 1000;
    expect(await pod.call('DEL')).toMatchObject({ code: 0 });
    expect(pod.calls()).toEqual([]);
  });

  test('a plugin that fails does not keep the others from being deleted', async () => {
    const pod = await attached('lan,nocap', 'net1', 'net2');
    pod.answer({ exit: 1, stdout: { code: 999, msg: 'no' } }, nothing, nothing);
    const outcome = await pod.call('DEL');
    expect(outcome.code).not.toBe(0);
    expect(outcome.stdout).toContain('no');
    expect(later(pod, 3)).toEqual(['DEL macvlan net2', 'DEL macvlan net1', 'DEL cluster eth0']);
  });
});

describe('the API server', () => {
  test('a pod that it does not know yet is waited for', async () => {
    const pod = await open('lan');
    pod.api.hidePod = 2;
    pod.answer(clusterAnswer(pod.netns), macvlanAnswer(pod.netns, 'net1'));
    expect(await pod.call('ADD')).toMatchObject({ code: 0 });
  });

  test('a pod that it never knows is an error, before any plugin is called', async () => {
    const pod = await open('lan');
    pod.api.hidePod = 1000;
    const outcome = await pod.call('ADD');
    expect(outcome.stdout).toContain(
      `Multus: [default/web/${pod.uid}]: error waiting for pod: pods \\"web\\" not found`,
    );
    expect(pod.calls()).toEqual([]);
  });

  test('a pod of the same name with another UID is an error', async () => {
    const pod = await open('lan');
    const args = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=other';
    expect((await pod.call('ADD', args)).stdout).toContain('expected pod UID \\"other\\"');
    expect(pod.calls()).toEqual([]);
  });

  test('network-status is written again when somebody else was faster', async () => {
    const pod = await open('lan');
    pod.api.conflicts = 2;
    pod.answer(clusterAnswer(pod.netns), macvlanAnswer(pod.netns, 'net1'));
    expect(await pod.call('ADD')).toMatchObject({ code: 0 });
    expect(pod.api.networkStatus).toMatch(/^\[\{\n {4}"name": "cbr",\n {4}"interface": "eth0",\n/);
    expect(pod.api.networkStatus).toContain('},{\n    "name": "default/lan",\n    "interface": "net1",\n');
  });

  test('a pod without the annotation gets the cluster network alone, and a status of it', async () => {
    const pod = await open();
    pod.answer(clusterAnswer(pod.netns));
    expect(await pod.call('ADD')).toMatchObject({ code: 0 });
    expect(later(pod, 0)).toEqual(['ADD cluster eth0']);
    expect(JSON.parse(pod.api.networkStatus ?? '')).toHaveLength(1);
  });
});

describe('the other verbs', () => {
  const delegates = [{ cniVersion: '1.1.0', name: 'cbr', plugins: [{ type: 'cluster' }] }];
  const config = { cniVersion: '1.1.0', delegates };

  test('VERSION says what is supported', async () => {
    const pod = await open();
    const versions = JSON.parse((await pod.call('VERSION')).stdout) as { supportedVersions: string[] };
    expect(versions.supportedVersions).toEqual(expect.arrayContaining(['0.3.1', '1.0.0', '1.1.0']));
  });

  test('STATUS and GC are handed to the cluster network', async () => {
    const pod = await attached('lan', 'net1');
    pod.answer(nothing, nothing);
    expect(await pod.call('STATUS', '', config)).toMatchObject({ code: 0 });
    const valid = [{ containerID: pod.id, ifname: 'eth0' }];
    expect(await pod.call('GC', '', { ...config, 'cni.dev/valid-attachments': valid })).toMatchObject({ code: 0 });
    expect(later(pod, 2)).toEqual(['STATUS cluster ', 'GC cluster ']);
  });

  test('CHECK asks the cluster network about its result', async () => {
    const pod = await attached('lan', 'net1');
    pod.answer(nothing);
    expect(await pod.call('CHECK')).toMatchObject({ code: 0 });
    expect(later(pod, 2)).toEqual(['CHECK cluster eth0']);
    expect(pod.calls()[2]?.stdin).toMatchObject({ prevResult: { ips: [{ address: '10.244.2.5/24' }] } });
  });
});

describe('what the fake API reads of protobuf', () => {
  const field = (number: number, value: Buffer | string) =>
    Buffer.concat([Buffer.from([number * 8 + 2, Buffer.byteLength(value)]), Buffer.from(value)]);
  const body = (object: Buffer) => Buffer.concat([Buffer.from('k8s\0'), field(2, object)]);

  test("a pod's annotations", () => {
    const entry = (key: string, value: string) => field(12, Buffer.concat([field(1, key), field(2, value)]));
    const metadata = Buffer.concat([
      field(1, 'web'),
      Buffer.from([0x38, 0x96, 0x01]),
      entry('a', '1'),
      entry('b', '2'),
    ]);
    expect(annotationsIn(body(field(1, metadata)))).toEqual({ a: '1', b: '2' });
  });

  test("an event's type, reason and message", () => {
    const event = Buffer.concat([
      field(3, 'AddedInterface'),
      field(4, 'Add net1'),
      Buffer.from([0x40, 1]),
      field(9, 'Normal'),
    ]);
    expect(eventIn(body(event))).toEqual({ type: 'Normal', reason: 'AddedInterface', message: 'Add net1' });
  });
});
