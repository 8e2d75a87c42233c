// An IPv6 address of a pod that another host of the LAN has: the pod's own kernel finds out, and the agent tells, with NET_ADMIN alone.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent, podOn } from './support/agent.ts';
import { CniNetwork } from './support/cni.ts';
import { addIPv6, POD } from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';

jest.setTimeout(120_000);

const PATIENCE_MS = 30_000;
const TAKEN = 'fd00::77';

let lab: Lab;
let agent: LabAgent;
let network: CniNetwork;

beforeEach(async () => {
  lab = await startLan(['pod']);
  await addIPv6(lab);
  agent = LabAgent.start(lab, 'node', { capabilities: '+net_admin', links: 'Real' });
  const object = attachmentOn(NIC, { spec: { ipam: { type: 'None' } } });
  agent.putAttachment(object);
  await agent.hasEntry('lan', 'Ready');
  network = await CniNetwork.of(lab, object);
  await network.add('pod', { mac: POD.mac });
  await lab.ip('pod', 'link set net1 up');
  agent.putPod(podOn('pod', { ip: '', mac: POD.mac }));
});

afterEach(async () => {
  await agent.stop();
  network.close();
  await lab.stop();
});

const duplicates = () => agent.status.pods?.[0]?.duplicates;

test('is told while it is on the link, and no longer', async () => {
  await lab.ip('router', `-6 addr add ${TAKEN}/64 dev sw0 nodad`);
  await lab.ip('pod', `-6 addr add ${TAKEN}/64 dev net1`);
  await lab.ip('pod', '-6 addr add fd00::78/64 dev net1'); // nobody has this one
  await until('it is told', () => duplicates()?.includes(TAKEN) === true, PATIENCE_MS);
  expect(duplicates()).toEqual([TAKEN]);
  expect(agent.status.pods?.[0]).toMatchObject({ state: 'Attached' });

  await lab.ip('pod', `-6 addr del ${TAKEN}/64 dev net1`);
  await until('it is told no longer', () => duplicates() === undefined, 90_000);
});
