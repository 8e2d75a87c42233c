// The Dockerfile's steps, run without Docker on nothing but what it copies: they make the very programs that `make image` packs.
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ARCHITECTURES, type Architecture, architectureNamed } from '../../scripts/architectures.ts';
import { runOrThrow } from '../support/run.ts';
import { type Unpacked, unpackImage } from './support/unpacked.ts';

jest.setTimeout(10 * 60_000);

/** Instructions of a stage, one per line. */
function stageNamed(name: string): readonly string[] {
  const text = readFileSync('Dockerfile', 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ');
  const stage = text.split(/^(?=FROM )/m).find((one) => one.split('\n')[0]?.endsWith(` AS ${name}`));
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return stage.split('\n').slice(1);
}

/** Carries COPY and RUN of a stage out in a folder of its own; what they leave in /out is in its `out`. */
async function build(stage: string, { name }: Architecture): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-dockerfile-'));
  const work = join(folder, 'work');
  mkdirSync(join(folder, 'out'), { recursive: true });
  mkdirSync(work);
  for (const line of stageNamed(stage)) {
    const [instruction, ...words] = line.split(/\s+/);
    if (instruction === 'COPY') copy(words, work);
    // What it installs is what is installed here. Not as a link: bundles name the paths of their parts.
    if (line === 'RUN npm ci') await runOrThrow(['cp', '-a', 'node_modules', work]);
    else if (instruction === 'RUN') {
      const command = line.slice('RUN '.length).replaceAll('/out', join(folder, 'out'));
      await runOrThrow(['sh', '-ec', command], {
        cwd: work,
        env: { TARGETARCH: name, GOFLAGS: '' },
        timeoutMs: 600_000,
      });
    }
  }
  return folder;
}

function copy(words: readonly string[], work: string): void {
  const to = words.at(-1) ?? '';
  const sources = words.slice(0, -1).flatMap((pattern) => globSync(pattern));
  expect(sources.length).toBeGreaterThanOrEqual(words.length - 1);
  for (const source of sources) {
    const target = to === './' ? join(work, source.split('/').at(-1) ?? '') : join(work, to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source, target, { recursive: true });
  }
}

describe.each(ARCHITECTURES.map(({ name }) => name))('for %s', (name) => {
  let image: Unpacked;
  const folders: string[] = [];

  beforeAll(async () => {
    image = await unpackImage(architectureNamed(name));
  });

  afterAll(() => {
    image.remove();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  test('node, processes and addon', async () => {
    const folder = await build('build', image.architecture);
    folders.push(folder);
    const files = image.files.filter((file) => /^(app|usr\/local\/bin)\//.test(file) && file !== 'app/cni/dhcp');
    expect(files).toEqual(expect.arrayContaining(['app/agent.mjs', 'app/netlink.node', 'usr/local/bin/node']));
    for (const file of files) {
      const made = join(folder, 'out', file);
      expect([file, existsSync(made) && readFileSync(made).equals(readFileSync(join(image.root, file)))]).toEqual([
        file,
        true,
      ]);
    }
  });

  test('the DHCP daemon', async () => {
    const folder = await build('cni', image.architecture);
    folders.push(folder);
    const made = readFileSync(join(folder, 'out/dhcp'));
    expect(made.equals(readFileSync(join(image.root, 'app/cni/dhcp')))).toBe(true);
  });
});
