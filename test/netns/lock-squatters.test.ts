// Processes of the node's network that are no agents and have no rights: they take the agents' name, or all room to wait at it.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import { useControlPlane } from '../support/control-plane.ts';
import { until } from '../support/until.ts';
import { attachmentOn } from './support/agent.ts';
import { AgentHost } from './support/agent-host.ts';
import { NIC } from './support/lan.ts';
import { NOBODY } from './support/rights.ts';

jest.setTimeout(120_000);

const NAME = String.raw`'\0macvlan.dev/agent'`;
/** Has the name, lets others connect, and says nothing. */
const SQUATS = `require('net').createServer(() => {}).listen(${NAME}, () => console.log('there'))`;
/** The same, and does not even take connections: those who connect wait, and after a few nobody can. */
const DEAF = `require('net').createServer(() => {}).listen({ path: ${NAME}, backlog: 1 }, () => {
  require('fs').writeSync(1, 'there');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
})`;
/** Connects, and waits for ever. */
const WAITS = `require('net').connect(${NAME}).on('connect', () => console.log('there'))`;
/** Connects as often as anybody may, and again when it is hung up on. */
const CROWD = `
  let open = 0;
  const connect = () => require('net').connect(${NAME})
    .on('connect', () => ++open === 8 && console.log('there'))
    .on('error', () => {})
    .on('close', () => setTimeout(connect, 50));
  for (let i = 0; i < 20; i++) connect();`;

const plane = useControlPlane();
let host: AgentHost;

beforeEach(async () => {
  host = await AgentHost.start(plane());
  await host.admin.create(
    ATTACHMENT,
    attachmentOn(NIC, { metadata: { finalizers: [] }, spec: { ipam: { type: 'None' } } }),
  );
});

afterEach(() => host.stop());

/** Resolves when it has done what it does. It ends with the lab. */
async function start(program: string, rights = NOBODY): Promise<void> {
  const child = host.lab.spawn('node', [...rights, process.execPath, '-e', program]);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until('it is there', () => said.includes('there'));
}

test.each([
  ['is silent', SQUATS],
  ['takes no connections', DEAF],
])('who has the name without being root and %s keeps no agent from its work, which says so', async (_, program) => {
  await start(program);
  // A connection has the name as well.
  await start(WAITS, []);
  const agent = host.startAgent();
  await host.hasEntry('lan', 'Ready');
  expect(agent.said('somebody without rights has the name of the lock')).toBe(1);
  await until('it is ready', async () => (await agent.probe('/readyz')).startsWith('200'));
});

test('who is root and has the name is waited for, as another agent would be', async () => {
  await start(SQUATS, []);
  const agent = host.startAgent();
  await until('it waits', () => agent.said('another agent works on this node') === 1);
  expect(await agent.probe('/readyz')).toMatch(/^503 /);
});

test('a crowd at the one that works does not keep the next from its turn', async () => {
  const first = host.startAgent();
  await host.hasEntry('lan', 'Ready');
  await start(CROWD);
  const second = host.startAgent({ healthPort: 9080 });
  await until('it waits', () => second.said('another agent works on this node') === 1);
  await first.end('SIGKILL');
  await until('it took over', () => second.said('this one works from here on') === 1);
});
