// Two agents on one node, by mistake or for a moment: one works, the other waits and says so, and nothing flaps.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ATTACHMENT, type MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import { useControlPlane } from '../support/control-plane.ts';
import { until } from '../support/until.ts';
import { attachmentOn } from './support/agent.ts';
import { AgentHost, type HostAgent } from './support/agent-host.ts';
import { NIC, photograph } from './support/lan.ts';

jest.setTimeout(120_000);

const ROUTED: MacvlanAttachment = attachmentOn(NIC, {
  metadata: { finalizers: [] },
  spec: { parents: [{ interface: { name: NIC } }], hostAccess: { type: 'Routed' }, ipam: { type: 'None' } },
});

const plane = useControlPlane();
let host: AgentHost;

beforeEach(async () => {
  host = await AgentHost.start(plane());
  await host.admin.create(ATTACHMENT, ROUTED);
});

afterEach(() => host.stop());

async function working(): Promise<{ first: HostAgent; shim: string }> {
  const first = host.startAgent();
  await host.hasEntry('lan', 'Ready');
  await until('the shim', async () => (await host.state())?.status?.shims?.length === 1);
  return { first, shim: (await host.state())?.status?.shims?.[0]?.name ?? '' };
}

const indexOf = async (name: string) =>
  (await host.lab.show<{ ifindex: number }>('node', `link show dev ${name}`))[0]?.ifindex;

/** Deletes the shim, and waits until it is there again. */
async function isHealed(shim: string): Promise<void> {
  const before = await indexOf(shim);
  await host.lab.ip('node', `link del ${shim}`);
  await until('a new shim', async () => ![undefined, before].includes(await indexOf(shim)));
}

test('the second waits, is alive and not ready, says why, and touches nothing', async () => {
  const { first, shim } = await working();
  const second = host.startAgent({ healthPort: 9080 });
  await until('it waits', () => second.said('another agent works on this node') === 1);
  expect(await second.probe('/healthz')).toMatch(/^200 /);
  expect(await second.probe('/readyz')).toMatch(/^503 [\s\S]*another agent works on this node/);
  expect(await first.probe('/readyz')).toMatch(/^200 /);

  await until('all is told', async () => (await host.state())?.status?.attachments?.[0]?.hostAccess === 'Ready');
  const before = await photograph(host.lab);
  const version = (await host.state())?.metadata.resourceVersion;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await photograph(host.lab)).toBe(before);
  expect((await host.state())?.metadata.resourceVersion).toBe(version);

  for (let i = 0; i < 5; i++) await isHealed(shim);
  expect(second.said("changed the node's network")).toBe(0);
  expect(second.said('another agent works on this node')).toBe(1);
});

test('the second takes over when the first is killed, and works', async () => {
  const { first, shim } = await working();
  const second = host.startAgent({ healthPort: 9080 });
  await until('it waits', () => second.said('another agent works on this node') === 1);
  const index = await indexOf(shim);
  await first.end('SIGKILL');
  await until('it took over', () => second.said('this one works from here on') === 1);
  await until('it is ready', async () => (await second.probe('/readyz')).startsWith('200'));
  expect(await indexOf(shim)).toBe(index);
  await isHealed(shim);
});

test('an agent that comes while the one before it ends, with the same ports, follows it without a restart', async () => {
  const { first, shim } = await working();
  const second = host.startAgent();
  await until('it waits', () => second.said('another agent works on this node') === 1);
  await first.end('SIGTERM');
  await until('it took over', () => second.said('this one works from here on') === 1);
  await until('it is ready', async () => (await second.probe('/readyz')).startsWith('200'));
  expect(second.hasEnded).toBe(false);
  await isHealed(shim);
});
