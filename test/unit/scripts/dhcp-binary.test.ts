// The DHCP daemon that ships is the one that the tests run: one pin, wherever it is named.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { cniPlugins } from '../../cluster/tools.ts';

const pinned = /github\.com\/containernetworking\/plugins v(\S+)/.exec(
  readFileSync('test/cluster/tools/cni/go.mod', 'utf8'),
)?.[1];

test.each(['Dockerfile', 'docs/dhcp.md', 'src/domain/dhcp/daemon-log.ts'])(
  '%s names the version of the pin',
  (file) => {
    expect(pinned).toBe(cniPlugins.version);
    expect(readFileSync(file, 'utf8')).toContain(pinned);
  },
);

test('the engine gets what the Dockerfile copies', () => {
  const copied = [...readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
    (match) => match[1]?.split(' ') ?? [],
  );
  const allowed = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => new RegExp(`^${line.slice(1).replaceAll('.', '\\.').replaceAll('*', '[^/]*')}(/|$)`));
  for (const path of copied) expect(allowed.some((pattern) => pattern.test(path))).toBe(true);
});
