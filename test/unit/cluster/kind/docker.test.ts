// What Docker is asked, and what is made of its answers: with a program in its place that writes down how it was called.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Docker, inspectContainer, removeNodes, runningDocker } from '../../../cluster/kind/docker.ts';
import { ensureNodeImage, loadNodeImage } from '../../../cluster/kind/node-image.ts';
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
  beforeEach(() => {
    delete process.env['KIND_NODE_IMAGE'];
  });

  test('is the standard one where Docker has it', async () => {
    answering('"image ls"*) echo 0123456789ab;;');
    expect(await ensureNodeImage(docker, () => {})).toBe(STANDARD);
    expect(calls()).toEqual([`image ls --quiet ${STANDARD}`]);
  });

  test('is the standard one where Docker can pull it', async () => {
    answering('"pull --quiet"*) ;;');
    expect(await ensureNodeImage(docker, () => {})).toBe(STANDARD);
    expect(calls().at(-1)).toBe(`pull --quiet ${STANDARD}`);
  });

  test('is the one that KIND_NODE_IMAGE names, and a failure where that cannot be pulled: none is built in its place', async () => {
    process.env['KIND_NODE_IMAGE'] = 'example.test/node:1';
    answering('"pull --quiet"*) echo denied >&2; exit 1;;');
    await expect(ensureNodeImage(docker, () => {})).rejects.toThrow(
      /^KIND_NODE_IMAGE: docker pull --quiet example.test\/node:1 .*denied; name one that can be fetched, or "built"/,
    );
  });

  test('is refused where its Kubernetes is another than the one that was asked for', async () => {
    process.env['KIND_NODE_IMAGE'] = 'example.test/node:1';
    answering('"image ls"*) echo 0123456789ab;;\nrun*) printf v1.30.2;;');
    await expect(ensureNodeImage(docker, () => {})).rejects.toThrow('has Kubernetes v1.30.2: set K8S=1.30');
  });

  test('has the name that was asked for, once it is loaded under the one that a fetched image bears', async () => {
    answering("load*) echo 'Loaded image: example.test/node:i-was-a-digest';;");
    const image = { archive: '/cache/fetched.tar', reference: 'example.test/node:1' };
    expect(await loadNodeImage(docker, image, () => {})).toBe('example.test/node:1');
    expect(calls().at(-1)).toBe('tag example.test/node:i-was-a-digest example.test/node:1');
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
