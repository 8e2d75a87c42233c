import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeDockerArchive } from '../../../scripts/docker-archive.ts';

let folder = '';
let root = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-archive-test-'));
  root = join(folder, 'root');
  mkdirSync(join(root, 'app'), { recursive: true });
  writeFileSync(join(root, 'app/b'), 'b');
  writeFileSync(join(root, 'app/a'), 'a');
  chmodSync(join(root, 'app/a'), 0o700);
  symlinkSync('a', join(root, 'app/link'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function pack(name: string): Promise<string> {
  const out = join(folder, name);
  await writeDockerArchive({ root, reference: 'localhost/t:1', entrypoint: ['/app/a'], user: '65532', out });
  return out;
}

function untar(archive: string, ...args: readonly string[]): Buffer {
  return execFileSync('tar', ['-xOf', archive, ...args]);
}

describe('a docker archive', () => {
  test('names its image, its entry point, its user and a layer whose digest is right', async () => {
    const archive = await pack('one.tar');
    const [image] = JSON.parse(untar(archive, 'manifest.json').toString());
    expect(image).toEqual({ Config: expect.any(String), RepoTags: ['localhost/t:1'], Layers: ['layer.tar'] });
    const config = JSON.parse(untar(archive, image.Config).toString());
    expect(config).toMatchObject({ os: 'linux', config: { Entrypoint: ['/app/a'], User: '65532' } });
    const digest = createHash('sha256').update(untar(archive, 'layer.tar')).digest('hex');
    expect(config.rootfs.diff_ids).toEqual([`sha256:${digest}`]);
  });

  test('lists files sorted, owned by root, executable as they were, with no trace of who packed them when', async () => {
    const layer = join(folder, 'layer.tar');
    writeFileSync(layer, untar(await pack('two.tar'), 'layer.tar'));
    const listing = execFileSync('tar', ['-tvf', layer, '--utc', '--numeric-owner'], { encoding: 'utf8' });
    expect(
      listing
        .trimEnd()
        .split('\n')
        .map((line) => line.replaceAll(/\s+/g, ' ')),
    ).toEqual([
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 ./',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 ./app/',
      '-rwxr-xr-x 0/0 1 1970-01-01 00:00 ./app/a',
      '-rw-r--r-- 0/0 1 1970-01-01 00:00 ./app/b',
      expect.stringMatching(/^l\S+ 0\/0 0 1970-01-01 00:00 \.\/app\/link -> a$/),
    ]);
  });

  test('is the same to the byte when only times changed', async () => {
    const first = readFileSync(await pack('three.tar'));
    utimesSync(join(root, 'app/a'), new Date(), new Date());
    expect(readFileSync(await pack('four.tar')).equals(first)).toBe(true);
  });
});
