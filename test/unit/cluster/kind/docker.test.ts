// What Docker is asked, and what is made of its answers: with a program in its place that writes down how it was called.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Docker, inspectContainer, removeNodes, runningDocker } from '../../../cluster/kind/docker.ts';
import { ensureNodeImage } from '../../../cluster/kind/node-image.ts';
import { kubernetesRelease } from '../../../cluster/kubernetes.ts';

const STANDARD = `kindest/node:v${kubernetesRelease().version}`;

let folder: string;
let docker: Docker;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'macvlan-fake-docker-'));
  docker = { host: undefined, path: `${folder}:/usr/bin:/bin`, isOurs: false };
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A `docker` that answers by the lines of a shell's `case`. */
function answering(cases: string): void {
  const program = join(folder, 'docker');
  writeFileSync(program, `#!/bin/sh\necho "$*" >> "${folder}/calls"\ncase "$*" in\n${cases}\nesac\n`);
  chmodSync(program, 0o755);
}

function calls(): readonly string[] {
  const file = join(folder, 'calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

const containerOf = (pid: number) =>
  JSON.stringify([{ State: { Pid: pid }, NetworkSettings: { Networks: { kind: { IPAddress: '172.18.0.2' } } } }]);

describe('the image of the nodes', () => {
  test('is the standard one where Docker has it', async () => {
    answering('"image ls"*) echo 0123456789ab;;');
    expect(await ensureNodeImage(docker, () => {})).toEqual({ reference: STANDARD, cgroups: 'systemd' });
    expect(calls()).toEqual([`image ls --quiet ${STANDARD}`]);
  });

  test('is the standard one where Docker can pull it', async () => {
    answering('"pull --quiet"*) ;;');
    expect(await ensureNodeImage(docker, () => {})).toEqual({ reference: STANDARD, cgroups: 'systemd' });
    expect(calls().at(-1)).toBe(`pull --quiet ${STANDARD}`);
  });
});

describe('an engine', () => {
  test('that does not answer is none', async () => {
    answering('version*) exit 1;;');
    expect(await runningDocker(docker.path)).toBeUndefined();
  });

  test('that answers is not ours to end', async () => {
    answering('version*) echo 28.2.2;;');
    expect(await runningDocker(docker.path)).toMatchObject({ isOurs: false });
  });
});

describe('a node', () => {
  test('that this machine does not have is refused: it could not be entered', async () => {
    answering(`container*) echo '${containerOf(4_194_303)}';;`);
    await expect(inspectContainer(docker, 'demo-worker')).rejects.toThrow('the node demo-worker cannot be entered');
  });

  test('that has ended does not run', async () => {
    answering(`container*) echo '${containerOf(0)}';;`);
    await expect(inspectContainer(docker, 'demo-worker')).rejects.toThrow('demo-worker does not run');
  });
});

describe('from an engine that stays', () => {
  test("the cluster's nodes are removed with their volumes, and its network only if it came with it", async () => {
    answering("ps*) printf 'a\\nb\\n';;");
    await removeNodes({ ...docker, network: 'Theirs' }, 'demo');
    const asked = ['ps --all --quiet --filter label=io.x-k8s.kind.cluster=demo', 'rm --force --volumes a b'];
    expect(calls()).toEqual(asked);
    await removeNodes({ ...docker, network: 'Ours' }, 'demo');
    expect(calls()).toEqual([...asked, ...asked, 'network rm kind']);
  });
});
