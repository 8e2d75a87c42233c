// `npm run generate` writes what is made from the API types; with --check (`npm run verify`) it only says what is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv, exit, stdout } from 'node:process';
import { generateOutputs, type Output } from './outputs.ts';

const root = join(import.meta.dirname, '../..');

function isCurrent({ path, text }: Output): boolean {
  try {
    return readFileSync(join(root, path), 'utf8') === text;
  } catch {
    return false;
  }
}

function write({ path, text }: Output): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const outputs = await generateOutputs(root);
const stale = outputs.filter((output) => !isCurrent(output));
if (argv.includes('--check')) {
  for (const { path } of stale) stdout.write(`out of date: ${path}\n`);
  stdout.write(
    stale.length > 0 ? 'run `make generate` and commit the result\n' : `${outputs.length} files up to date\n`,
  );
  exit(stale.length > 0 ? 1 : 0);
}
for (const output of stale) {
  write(output);
  stdout.write(`wrote ${output.path}\n`);
}
stdout.write(`${outputs.length - stale.length} files unchanged\n`);
