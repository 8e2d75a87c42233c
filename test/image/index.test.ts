// One reference for all architectures, as it is after a push: held to the format by the registry's own tool.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { ARCHITECTURES } from '../../scripts/architectures.ts';
import { type BuiltImage, buildImageFor, writeIndexOf } from '../../scripts/image.ts';
import { buildTools } from '../cluster/binaries.ts';
import { silent } from '../cluster/progress.ts';
import { crane } from '../cluster/tools.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { run, runOrThrow } from '../support/run.ts';
import { readConfig } from './support/unpacked.ts';

jest.setTimeout(10 * 60_000);

let registry: TestRegistry;
let program: string;
let folder: string;
let images: readonly BuiltImage[];
let reference: string;

beforeAll(async () => {
  ({ crane: program = 'crane' } = await buildTools([crane], silent));
  registry = await startRegistry();
  folder = mkdtempSync(join(tmpdir(), 'macvlan-index-test-'));
  images = [];
  for (const architecture of ARCHITECTURES) images = [...images, await buildImageFor(architecture)];
  const layout = join(folder, 'layout');
  mkdirSync(layout);
  await runOrThrow(['tar', '-xf', writeIndexOf(images, join(folder, 'image-oci.tar')), '-C', layout]);
  reference = `${registry.host}/macvlan-operator:both`;
  await runOrThrow([program, 'push', layout, reference]);
});

afterAll(async () => {
  await registry.end();
  rmSync(folder, { recursive: true, force: true });
});

const manifestOf = async (...words: string[]) =>
  JSON.parse(await runOrThrow([program, 'manifest', ...words])) as {
    readonly manifests: readonly { readonly platform: unknown }[];
    readonly config: { readonly digest: string };
  };

test('the reference has an image for each architecture', async () => {
  const { manifests } = await manifestOf(reference);
  expect(manifests.map(({ platform }) => platform)).toEqual(
    ARCHITECTURES.map(({ name }) => ({ architecture: name, os: 'linux' })),
  );
});

test.each(ARCHITECTURES.map(({ name }) => name))('a node of %s gets the image that was built for it', async (name) => {
  const platform = ['--platform', `linux/${name}`];
  // Fetches everything, and holds digests, sizes and layers to what the manifests say.
  const checked = await run([program, 'validate', '--remote', reference, ...platform]);
  expect([checked.code, checked.stdout.trim()]).toEqual([0, `PASS: ${reference}`]);
  const { config } = await manifestOf(reference, ...platform);
  const archive = images.find((image) => image.archive.endsWith(`-${name}.tar`))?.archive ?? '';
  expect(`${config.digest.replace('sha256:', '')}.json`).toBe((await readConfig(archive)).file);
});

test('a node of another architecture is refused', async () => {
  const refused = await run([program, 'config', reference, '--platform', 'linux/riscv64']);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('riscv64');
});

test('the same images give the same bytes', async () => {
  const bytes = async (name: string) => runOrThrow(['sha256sum', '-b', writeIndexOf(images, join(folder, name))]);
  const digests = [await bytes('one.tar'), await bytes('two.tar')].map((line) => line.split(' ')[0]);
  expect(digests[0]).toBe(digests[1]);
});
