// Compares what is rendered with a file in this folder. UPDATE_GOLDEN=1 writes the file instead; look at the change then.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';

/** @param name path of the file below test/golden */
export function expectGolden(name: string, value: unknown): void {
  const path = join(import.meta.dirname, name);
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(path)) {
    if (process.env['UPDATE_GOLDEN'] !== '1') throw new Error(`${path} is missing: run with UPDATE_GOLDEN=1`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
