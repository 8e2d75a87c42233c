// Images from a real registry on loopback: what nodes get of them, and what is said when they cannot be had.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { imageArchitecture } from '../../../scripts/docker-archive.ts';
import { nodeArchive } from '../../cluster/kind/node-image.ts';
import { chooseMultus, MULTUS_IN_IMAGE } from '../../cluster/multus.ts';
import { startMuteServer, startRegistry, type TestRegistry } from '../../support/registry.ts';
import { run } from '../../support/run.ts';

const LONG_MS = 5 * 60_000;
const SOON = { answerMs: 1000 };
const OTHER = imageArchitecture() === 'arm64' ? 'amd64' : 'arm64';
const REMEDY = /; name an image that this machine can fetch, such as ghcr\.io\/.*, or a program with MULTUS_BIN$/;

let folder: string;
let registry: TestRegistry;
let program: string;
let mute: Server;
let muteHost: string;
const said: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'macvlan-registry-test-'));
  registry = await startRegistry();
  ({ host: muteHost, server: mute } = await startMuteServer());
  program = join(folder, 'program');
  writeFileSync(program, readFileSync(process.execPath).subarray(0, 100_000), { mode: 0o755 });
}, LONG_MS);

afterAll(async () => {
  await registry.end();
  mute.close();
  rmSync(folder, { recursive: true });
});

afterEach(() => {
  said.length = 0;
  delete process.env['KIND_NODE_IMAGE'];
});

const tell = (line: string) => said.push(line);
const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const multusOf = (image: string) => chooseMultus({ image }, { multus: '/stand-in' }, tell, SOON);

describe('the Multus of an image', () => {
  test('is the program in it, byte for byte, and is kept: a second cluster takes it from the cache', async () => {
    const image = await registry.pushProgram(program, { path: MULTUS_IN_IMAGE, name: 'multus-cni:v4' });
    const path = await multusOf(image);
    expect(digestOf(path)).toBe(digestOf(program));
    expect(said).toEqual([expect.stringMatching(new RegExp(`^Multus is that of ${image}, sha256:[0-9a-f]{64}$`))]);
    const { mtimeMs } = statSync(path);
    expect(await multusOf(image)).toBe(path);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    rmSync(path);
  });

  test('is refused when the image lacks it', async () => {
    const image = await registry.pushProgram(program, { path: 'bin/other', name: 'other:v1' });
    await expect(multusOf(image)).rejects.toThrow(`MULTUS_IMAGE: ${image}: it has no file /${MULTUS_IN_IMAGE}`);
    await expect(multusOf(image)).rejects.toThrow(REMEDY);
  });

  test('is refused when the registry has no such image', async () => {
    const image = `${registry.host}/missing:v1`;
    await expect(multusOf(image)).rejects.toThrow(new RegExp(`^MULTUS_IMAGE: ${image}: .*(404|NAME_UNKNOWN)`));
    await expect(multusOf(image)).rejects.toThrow(REMEDY);
  });

  test('is given up when the registry takes the connection and never answers', async () => {
    const image = `${muteHost}/multus-cni:v4`;
    await expect(multusOf(image)).rejects.toThrow(`${image}: the registry did not answer within 1 s`);
  });

  test('is refused when nobody listens', async () => {
    await expect(multusOf('127.0.0.1:1/multus-cni:v4')).rejects.toThrow(/127\.0\.0\.1:1\/multus-cni:v4: .*refused/);
  });

  test('is refused when the image is for another kind of machine', async () => {
    const options = { path: MULTUS_IN_IMAGE, name: 'multus-cni:foreign', architecture: OTHER };
    const image = await registry.pushProgram(program, options);
    await expect(multusOf(image)).rejects.toThrow(`it is for ${OTHER}, and this machine is ${imageArchitecture()}`);
  });

  test('is refused when the program alone is for another kind of machine', async () => {
    const foreign = join(folder, 'foreign');
    const bytes = readFileSync(program);
    bytes.writeUInt16LE(OTHER === 'arm64' ? 0xb7 : 0x3e, 18);
    writeFileSync(foreign, bytes, { mode: 0o755 });
    const image = await registry.pushProgram(foreign, { path: MULTUS_IN_IMAGE, name: 'multus-cni:mislabelled' });
    await expect(multusOf(image)).rejects.toThrow('its program is for another architecture');
  });
});

describe('Multus', () => {
  test('is the stand-in unless something is named, and a line says so', async () => {
    expect(await chooseMultus({}, { multus: '/stand-in' }, tell)).toBe('/stand-in');
    expect(said).toEqual([expect.stringContaining('Multus is the stand-in')]);
  });

  test('is refused when it is named twice, or by a path at which there is no program', async () => {
    await expect(chooseMultus({ bin: '/a', image: 'b' }, {}, tell)).rejects.toThrow('set one of them');
    await expect(chooseMultus({ bin: join(folder, 'nothing') }, {}, tell)).rejects.toThrow(
      'MULTUS_BIN: there is no file',
    );
    const text = join(folder, 'text');
    writeFileSync(text, 'hello, I am not a program\n', { mode: 0o755 });
    await expect(chooseMultus({ bin: text }, {}, tell)).rejects.toThrow(`${text} is not a program`);
  });
});

describe("the image of kind's nodes", () => {
  test('is fetched by digest into the cache, as an archive that Docker can load', async () => {
    const image = await registry.pushProgram(program, { path: 'kind/version', name: 'kindest/node:v1' });
    process.env['KIND_NODE_IMAGE'] = image;
    const { archive, reference } = await nodeArchive(tell, SOON);
    expect(reference).toBe(image);
    expect(JSON.parse((await run(['tar', '-xOf', archive, 'manifest.json'])).stdout)).toEqual([
      expect.objectContaining({ RepoTags: [`${registry.host}/kindest/node:i-was-a-digest`] }),
    ]);
    await nodeArchive(tell, SOON);
    expect(said.filter((line) => line.startsWith('fetching'))).toHaveLength(1);
    writeFileSync(program, 'another', { flag: 'a' });
    await registry.pushProgram(program, { path: 'kind/version', name: 'kindest/node:v1' });
    const moved = await nodeArchive(tell, SOON);
    expect(moved.archive).not.toBe(archive);
    expect(existsSync(archive)).toBe(false);
    rmSync(moved.archive);
  });

  test('is an error when KIND_NODE_IMAGE names one that cannot be had: nothing is built in its place', async () => {
    process.env['KIND_NODE_IMAGE'] = `${muteHost}/kindest/node:v1`;
    await expect(nodeArchive(tell, SOON)).rejects.toThrow(
      /^KIND_NODE_IMAGE: .* did not answer within 1 s; name one that can be fetched, or "built"/,
    );
  });
});
