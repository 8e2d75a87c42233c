// The stand-in for Multus does what the real one was recorded doing. CNI_ARGS are compared to the letter: their order is the
// runtime's, which varies there from call to call, so each case hands over the pairs in the order of its recording.
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { clusterAnswer, clusterStatus, multusBinary } from './binary.ts';
import {
  fillIn,
  type NetworkStatus,
  type RecordedCall,
  type RecordedCase,
  recordings,
  runtimeArgs,
} from './recorded.ts';
import { type Answer, Sandbox } from './sandbox.ts';

const { networks, cases, resultCache } = recordings();
let binary: string;
let sandbox: Sandbox | undefined;

beforeAll(async () => {
  binary = await multusBinary();
}, 300_000);

afterEach(async () => {
  await sandbox?.close();
  sandbox = undefined;
});

async function open(recorded: RecordedCase): Promise<Sandbox> {
  sandbox = await Sandbox.open(binary, recorded.name, recorded.annotation, networks);
  return sandbox;
}

function named(name: string): RecordedCase {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

/** The recorded answer, with the interface really made, as routes are set on it. Chained plugins find it there. */
function asAnswer(call: RecordedCall): Answer {
  const { exit, stdout } = call;
  if (call.command !== 'ADD' || exit !== 0 || call.plugin !== 'macvlan') return { exit, stdout };
  const address = (stdout as { ips?: { address: string }[] }).ips?.[0]?.address;
  return { exit, stdout, links: [{ name: call.ifname, ...(address === undefined ? {} : { address }) }] };
}

/** Plays one attempt to attach; a failed one is undone to the end, the cluster network last. */
async function attach(pod: Sandbox, recorded: RecordedCase) {
  const calls = fillIn(recorded.calls, pod.values);
  const [first] = calls;
  if (first !== undefined)
    pod.answer(clusterAnswer(pod.netns), ...calls.map(asAnswer), { exit: 0, stdout: null, unlink: ['eth0'] });
  return pod.call('ADD', first === undefined ? undefined : runtimeArgs(first));
}

/** What happened outside the cluster network, in the form of the recording. */
function networkCalls(pod: Sandbox) {
  return pod
    .calls()
    .filter((call) => call.plugin !== 'cluster')
    .map(({ plugin, command, ifname, args, stdin }) => ({ plugin, command, ifname, args, stdin }));
}

function recordedCalls(pod: Sandbox, recorded: RecordedCase) {
  return fillIn(recorded.calls, pod.values).map(({ plugin, command, ifname, args, stdin }) => ({
    plugin,
    command,
    ifname,
    args,
    stdin,
  }));
}

function statusOf(pod: Sandbox): NetworkStatus[] {
  return JSON.parse(pod.api.networkStatus ?? '[]') as NetworkStatus[];
}

const fine = cases.filter((each) => each.failure === null);
const failing = cases.filter((each) => each.failure !== null);

describe('what the real Multus was recorded doing', () => {
  test('there are nineteen cases', () => {
    expect(cases).toHaveLength(19);
  });

  test.each(fine)('$name: the plugins are given the same, the pod shows the same', async (recorded) => {
    const pod = await open(recorded);
    const outcome = await attach(pod, recorded);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toEqual(clusterAnswer(pod.netns).stdout);
    expect(networkCalls(pod)).toEqual(recordedCalls(pod, recorded));
    expect(pod.calls()[0]).toMatchObject({ plugin: 'cluster', command: 'ADD', ifname: 'eth0', netns: pod.netns });
    expect(statusOf(pod)).toEqual([clusterStatus, ...fillIn(recorded.networkStatus ?? [], pod.values)]);
    expect(pod.api.events).toEqual(
      [{ reason: 'AddedInterface', message: 'Add eth0 [10.244.2.5/24] from cbr' }, ...recorded.events].map((event) => ({
        type: 'Normal',
        ...event,
      })),
    );
  });

  test.each(failing)('$name: it fails with the same words', async (recorded) => {
    const pod = await open(recorded);
    const outcome = await attach(pod, recorded);
    expect(outcome.code).not.toBe(0);
    expect((JSON.parse(outcome.stdout) as { msg: string }).msg).toBe(fillIn(recorded.failure ?? '', pod.values));
    expect(networkCalls(pod)).toEqual(recordedCalls(pod, recorded));
    expect(
      pod
        .calls()
        .filter((call) => call.plugin === 'cluster')
        .map((call) => call.command),
    ).toEqual(recorded.calls.length === 0 ? [] : ['ADD', 'DEL']);
    const own = pod.api.events.filter((event) => !event.message.startsWith('Add eth0'));
    expect(own).toEqual(recorded.events.map((event) => ({ type: 'Warning', ...event })));
    expect(pod.api.networkStatus).toBeUndefined();
    expect(pod.cached()).toEqual([]);
  });

  test('late-parent: the attempt after the parent is there succeeds', async () => {
    const recorded = named('late-parent');
    const pod = await open(recorded);
    expect((await attach(pod, recorded)).code).not.toBe(0);
    // The answer of this attempt was not kept; its MAC is in the recorded status.
    const mac = recorded.networkStatus?.[0]?.mac;
    const stdout = { cniVersion: '1.0.0', interfaces: [{ mac, name: 'net1', sandbox: pod.netns }] };
    pod.answer(clusterAnswer(pod.netns), { exit: 0, stdout, links: [{ name: 'net1' }] });
    expect(await pod.call('ADD')).toMatchObject({ code: 0 });
    expect(statusOf(pod)).toEqual([clusterStatus, ...(recorded.networkStatus ?? [])]);
  });

  test('the cached result has the default route that the pod was given', async () => {
    const recorded = named(resultCache.case);
    const pod = await open(recorded);
    await attach(pod, recorded);
    const file = fillIn(resultCache.file, pod.values);
    expect(pod.cached()).toEqual([`cbr-${pod.id}-eth0`, file]);
    const cached = pod.readCached(file) as { config: string; cniArgs: [string, string][] };
    const config: unknown = JSON.parse(Buffer.from(cached.config, 'base64').toString());
    expect(config).toEqual(networks['default/lan']);
    const expected = fillIn(resultCache.content, pod.values) as typeof cached;
    // The recorded file is of another sandbox than the recorded call, so the runtime's pairs are in another order.
    expect([...cached.cniArgs].sort()).toEqual([...expected.cniArgs].sort());
    expect(cached).toEqual({ ...expected, config: cached.config, cniArgs: cached.cniArgs });
  });
});
