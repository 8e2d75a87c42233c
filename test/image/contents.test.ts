// What is in the image, for each architecture: nothing of another one, and nothing that its programs miss.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ARCHITECTURES } from '../../scripts/architectures.ts';
import { isElf, readElf } from '../../scripts/elf.ts';
import { type Unpacked, unpackImage } from './support/unpacked.ts';

jest.setTimeout(10 * 60_000);

const PROGRAMS = ['app/cni/dhcp', 'app/netlink.node', 'usr/local/bin/node'];
const unpacked = new Map<string, Unpacked>();

beforeAll(async () => {
  for (const architecture of ARCHITECTURES) unpacked.set(architecture.name, await unpackImage(architecture));
});

afterAll(() => {
  for (const image of unpacked.values()) image.remove();
});

describe.each(ARCHITECTURES.map(({ name }) => name))('the image for %s', (name) => {
  let image: Unpacked;
  let binaries: readonly string[];

  beforeAll(() => {
    const found = unpacked.get(name);
    if (found === undefined) throw new Error(`no image for ${name}`);
    image = found;
    binaries = image.files.filter((file) => isElf(join(image.root, file)));
  });

  test('says which it is for, and that it runs as an ordinary user', () => {
    expect(image.config).toMatchObject({ architecture: name, config: { User: '65532:65532' } });
  });

  test('has programs and libraries of that architecture only', () => {
    expect(binaries).toEqual(expect.arrayContaining(PROGRAMS));
    const machines = binaries.map((file) => readElf(join(image.root, file)).machine);
    expect(new Set(machines)).toEqual(new Set([image.architecture.machine]));
  });

  test('has every library that is needed, and the loader where programs look for it', () => {
    const names = new Set(binaries.map((file) => basename(file)));
    for (const file of binaries) {
      const { needed, interpreter } = readElf(join(image.root, file));
      for (const library of needed) expect([file, library, names.has(library)]).toEqual([file, library, true]);
      if (interpreter !== undefined) expect(image.files).toContain(interpreter.slice(1));
    }
    const node = readElf(join(image.root, 'usr/local/bin/node'));
    expect(node.interpreter).toBeDefined();
    expect(node.needed).toContain('libstdc++.so.6');
  });

  test('is the same, byte by byte, when it is built again', async () => {
    const again = await unpackImage(image.architecture);
    again.remove();
    expect(again.digest).toBe(image.digest);
  });
});

test('the processes are the same for every architecture', () => {
  const [first, ...others] = unpacked.values();
  if (first === undefined) throw new Error('no image');
  const texts = first.files.filter((file) => !isElf(join(first.root, file)));
  expect(texts).toEqual(expect.arrayContaining(['app/agent.mjs', 'app/controller.mjs', 'app/dhcp.mjs', 'etc/passwd']));
  expect(others).toHaveLength(ARCHITECTURES.length - 1);
  for (const other of others) {
    expect(other.files.filter((file) => !isElf(join(other.root, file)))).toEqual(texts);
    for (const file of texts)
      expect(readFileSync(join(other.root, file))).toEqual(readFileSync(join(first.root, file)));
  }
});
