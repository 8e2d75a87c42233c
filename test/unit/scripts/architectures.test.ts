// Which architectures somebody asked for, and what an image for them may be made of.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { architectureNamed, parseArchitectures } from '../../../scripts/architectures.ts';
import { kept } from '../../../scripts/cache.ts';
import { librariesOf } from '../../../scripts/elf.ts';
import { unpackChecked } from '../../../scripts/node-package.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'architectures-test-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the architectures of a text', () => {
  test.each([
    ['', []],
    [' , ', []],
    ['arm64', ['arm64']],
    ['amd64,arm64', ['amd64', 'arm64']],
    ['arm64 amd64, arm64', ['arm64', 'amd64']],
  ])('%j', (text, names) => {
    expect(parseArchitectures(text).map(({ name }) => name)).toEqual(names);
  });

  test.each(['aarch64', 'x86_64', 'ARM64', 'arm', 'amd64;arm64'])(
    '%s is none, and the answer says which there are',
    (text) => {
      expect(() => parseArchitectures(text)).toThrow(`no such architecture: ${text} (there are amd64, arm64)`);
    },
  );
});

describe('an npm package', () => {
  let archive: string;

  beforeEach(() => {
    mkdirSync(join(folder, 'source/package/bin'), { recursive: true });
    mkdirSync(join(folder, 'target'));
    writeFileSync(join(folder, 'source/package/bin/node'), 'a program');
    archive = join(folder, 'target/node.tgz');
    execFileSync('tar', ['-czf', archive, '-C', join(folder, 'source'), 'package']);
  });

  test('that the lockfile pins is unpacked, and its archive removed', () => {
    const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    unpackChecked(archive, integrity, join(folder, 'target'));
    expect(readFileSync(join(folder, 'target/bin/node'), 'utf8')).toBe('a program');
    expect(readdirSync(join(folder, 'target'))).toEqual(['bin']);
  });

  test('that is another is refused, with nothing unpacked', () => {
    expect(() => unpackChecked(archive, 'sha512-AAAA', join(folder, 'target'))).toThrow(
      'is not what package-lock.json pins',
    );
    expect(readdirSync(join(folder, 'target'))).toEqual(['node.tgz']);
  });
});

describe('what is kept', () => {
  test('is made once', () => {
    const target = join(folder, 'cache/thing');
    const made: string[] = [];
    const fill = (empty: string) => {
      made.push(empty);
      writeFileSync(join(empty, 'file'), 'x');
    };
    expect(kept(target, fill)).toBe(target);
    expect(kept(target, fill)).toBe(target);
    expect(made).toHaveLength(1);
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('x');
  });

  test('is not there when making it failed, and nothing is left of the attempt', () => {
    const target = join(folder, 'cache/thing');
    const fill = (empty: string) => {
      writeFileSync(join(empty, 'half'), '');
      throw new Error('the network is away');
    };
    expect(() => kept(target, fill)).toThrow('the network is away');
    expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  });

  test('is what another made meanwhile', () => {
    const target = join(folder, 'cache/thing');
    const fill = (empty: string) => {
      writeFileSync(join(empty, 'late'), '');
      mkdirSync(target);
      writeFileSync(join(target, 'early'), '');
    };
    kept(target, fill);
    expect(existsSync(join(target, 'early'))).toBe(true);
    expect(readdirSync(join(folder, 'cache'))).toEqual(['thing']);
  });
});

test('a program whose libraries are not there for its architecture is not packed', () => {
  const here = architectureNamed(process.arch === 'x64' ? 'amd64' : 'arm64');
  const other = architectureNamed(process.arch === 'x64' ? 'arm64' : 'amd64');
  expect(librariesOf([process.execPath], here, '/')).toContain(`/lib/${here.gnu}/libc.so.6`);
  expect(() => librariesOf([process.execPath], here, folder)).toThrow(`for ${here.name} in the folders of ${folder}`);
  // Those of this machine are there under their names, and will not do.
  expect(() => librariesOf([process.execPath], other, '/')).toThrow(`for ${other.name} in the folders of /`);
});
