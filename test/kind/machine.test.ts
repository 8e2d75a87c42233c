// A cluster in kind and the machine it runs on: an engine of its own leaves the machine as it was, also when the owner was killed,
// and an engine that runs already is used and left as it is.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTools } from '../cluster/binaries.ts';
import { createCgroup } from '../cluster/cgroups.ts';
import { type Cluster, endCluster, startCluster } from '../cluster/cluster.ts';
import { type Instance, instanceFor } from '../cluster/instance.ts';
import { type Docker, runDocker, runningDocker } from '../cluster/kind/docker.ts';
import { ENGINE_SPACE, startEngine } from '../cluster/kind/engine.ts';
import { noteMachine } from '../cluster/kind/host.ts';
import { enginePath } from '../cluster/kind/packages.ts';
import { harnessCgroup, inside, type Space, spaceOf } from '../cluster/namespaces.ts';
import { Processes } from '../cluster/processes.ts';
import { silent } from '../cluster/progress.ts';
import { kubernetes } from '../cluster/tools.ts';
import { readRecord, wipe, wipeOrphans } from '../cluster/wipe.ts';
import { run, searchPath } from '../support/run.ts';
import { until } from '../support/until.ts';
import { compareMachines, lookAtMachine, type Machine } from './machine.ts';

const LONG_MS = 10 * 60_000;
const NODES = [{ name: 'single', parent: 'nic0' }];
const instances = ['one', 'crash', 'engine', 'guest'].map((word) => instanceFor(`kind-${process.pid}-${word}`));
const [ONE, CRASHED, ENGINE, GUEST] = instances as [Instance, Instance, Instance, Instance];

let before: Machine;

beforeAll(async () => {
  process.env['CLUSTER'] = 'kind';
  if ((await runningDocker(searchPath())) !== undefined)
    throw new Error('a Docker engine runs: these tests are about none');
  await lookAtMachine(); // the first look may itself load what shows the rules
  before = await lookAtMachine();
}, LONG_MS);

afterAll(async () => {
  for (const { name } of [GUEST, ONE, CRASHED, ENGINE]) await endCluster(name);
}, LONG_MS);

async function difference(): Promise<readonly string[]> {
  return compareMachines(before, await lookAtMachine());
}

describe('with an engine of its own', () => {
  let cluster: Cluster;

  test(
    'a cluster puts nothing into the network of the machine while it is up',
    async () => {
      cluster = await startCluster({ instance: ONE.name, life: 'Owner', progress: silent, nodes: NODES });
      const changed = await difference();
      expect(changed.filter((line) => /: (links|addresses|.*routes|.*rules|mounts)/.test(line))).toEqual([]);
    },
    LONG_MS,
  );

  test(
    'a node in it has the NIC of its own name, and the LAN reaches it',
    async () => {
      const node = cluster.node('single');
      expect((await node.exec(['ip', 'link', 'show', 'nic0'])).code).toBe(0);
      expect((await cluster.client.exec(['ping', '-c1', '-W2', node.lanAddress])).code).toBe(0);
    },
    LONG_MS,
  );

  test(
    'a node that is cut off from the API server comes back, and so does its kubelet when it was killed',
    async () => {
      const node = cluster.node('single');
      const isActive = async () => (await node.exec(['systemctl', 'is-active', 'kubelet'])).stdout.trim();
      await node.setManagement('down');
      expect((await cluster.kubectl(['get', 'nodes'], { timeoutMs: 3000 })).code).not.toBe(0);
      await node.setManagement('up');
      await until('the API answers', async () => (await cluster.kubectl(['get', 'nodes'])).code === 0, 60_000);
      const start = await node.crash('kubelet');
      await until('it is dead', async () => (await isActive()) !== 'active', 30_000);
      await start();
      await until('it runs', async () => (await isActive()) === 'active', 30_000);
    },
    LONG_MS,
  );

  test(
    'it leaves the machine as it was when it has ended: links, rules, kernel settings, cgroups, mounts, folders',
    async () => {
      await cluster.down();
      expect(existsSync(ONE.folder)).toBe(false);
      expect(await difference()).toEqual([]);
    },
    LONG_MS,
  );
});

describe('when the owner of a cluster is killed while kind is at work', () => {
  test(
    'the next start of any cluster ends what was left, and the machine is as it was',
    async () => {
      const script = `
        const { startCluster } = await import('${join(import.meta.dirname, '../cluster/cluster.ts')}');
        await startCluster({ instance: '${CRASHED.name}', life: 'Owner' });`;
      const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
      const ended = new Promise((resolve) => owner.once('exit', resolve));
      const hasNode = async () => (await run(['pgrep', '-f', `${CRASHED.name}-control-plane`])).code === 0;
      await until('a node starts', hasNode, LONG_MS);
      owner.kill('SIGKILL');
      await ended;
      expect(readRecord(CRASHED)).toBeDefined();
      expect(await wipeOrphans()).toContain(CRASHED.name);
      expect(await difference()).toEqual([]);
    },
    LONG_MS,
  );
});

describe('where an engine runs already', () => {
  let docker: Docker;
  let space: Space;

  /** Somebody's engine, in a namespace that is all the network of this test's machine. */
  beforeAll(async () => {
    mkdirSync(ENGINE.folder, { recursive: true, mode: 0o700 });
    createCgroup(harnessCgroup(ENGINE));
    await noteMachine(ENGINE);
    const processes = new Processes(ENGINE.folder);
    docker = await startEngine(ENGINE, processes, await enginePath(silent));
    space = spaceOf(processes, ENGINE_SPACE);
  }, LONG_MS);

  afterAll(async () => {
    await wipe(ENGINE);
  }, LONG_MS);

  const there = (argv: readonly string[]) =>
    run(inside(space, argv), { env: { DOCKER_HOST: docker.host ?? '', PATH: docker.path }, timeoutMs: LONG_MS });
  const main = (verb: string) =>
    there([process.execPath, join(import.meta.dirname, '../cluster/main.ts'), verb, '--instance', GUEST.name]);
  const engineFacts = async () =>
    Promise.all(
      [
        ['ps', '--all'],
        ['network', 'ls'],
        ['volume', 'ls'],
      ].map((args) => runDocker(docker, [...args, '--quiet'])),
    );

  test(
    'it is used, and neither container nor network nor volume is left in it',
    async () => {
      const had = await engineFacts();
      expect(await main('up')).toMatchObject({ code: 0 });
      const { kubectl = 'kubectl' } = await buildTools([kubernetes], silent);
      const nodes = [kubectl, '--kubeconfig', join(GUEST.folder, 'kubeconfig'), 'get', 'nodes', '-o', 'name'];
      expect(readRecord(GUEST)).toMatchObject({ docker: { isOurs: false, network: 'Ours' } });
      expect((await there(nodes)).stdout).toBe('node/node-a\nnode/node-b\n');
      expect(await main('down')).toMatchObject({ code: 0 });
      expect(await engineFacts()).toEqual(had);
      expect((await there(['docker', 'version'])).code).toBe(0);
    },
    LONG_MS,
  );

  test(
    'the machine is as it was once that engine has ended, too',
    async () => {
      await wipe(ENGINE);
      expect(await difference()).toEqual([]);
    },
    LONG_MS,
  );
});
