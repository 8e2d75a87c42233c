// The addon as it ships: what the compiler and the linker can do against mistakes in C is in the file.
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { buildAddon } from '../../../scripts/build-addon.ts';

let path: string;
const readelf = (...options: string[]) => execFileSync('readelf', ['--wide', ...options, path], { encoding: 'utf8' });

beforeAll(() => {
  path = buildAddon();
});

describe('the compiled addon', () => {
  test('can be loaded anywhere, and nothing of it is writable and executable at once', () => {
    expect(readelf('--file-header')).toMatch(/Type:\s+DYN/);
    const segments = readelf('--program-headers');
    expect(segments).not.toMatch(/\bRWE\b/);
    expect(segments).toMatch(/GNU_STACK.* RW /);
    expect(readelf('--dynamic')).not.toContain('TEXTREL');
  });

  test('has its links resolved when it is loaded, and locked afterwards', () => {
    expect(readelf('--program-headers')).toContain('GNU_RELRO');
    expect(readelf('--dynamic')).toMatch(/BIND_NOW|FLAGS_1.*NOW/);
  });

  test('checks its stack and the lengths that the compiler knows', () => {
    const symbols = readelf('--dyn-syms');
    expect(symbols).toContain('__stack_chk_fail');
    expect(symbols).toMatch(/__\w+_chk@/);
  });

  test('shows nothing but its entry to other libraries, and needs nothing but the C library', () => {
    const own = readelf('--dyn-syms')
      .split('\n')
      .filter((line) => / GLOBAL +DEFAULT +\d+ /.test(line))
      .map((line) => line.trim().split(/\s+/).at(-1));
    expect(own.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
    const needed = [...readelf('--dynamic').matchAll(/NEEDED.*\[(.*)\]/g)].map((match) => match[1]);
    expect(needed).toEqual(['libc.so.6']);
  });
});
