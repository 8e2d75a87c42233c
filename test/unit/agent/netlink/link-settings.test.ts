// The only place that writes to /proc/sys: it writes to links of ours, and to nothing else.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LinkSettings } from '../../../../src/agent/netlink/link-settings.ts';

let folder: string;
const FILES = ['accept_ra', 'disable_ipv6', 'forwarding', 'proxy_ndp', 'ndisc_notify'];
const LINKS = ['mvs-ours', 'mvp-ours', 'all', 'default', 'lo', 'eth0', 'mva-lan', 'xmvs-', 'mv'];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'link-settings-'));
  for (const link of LINKS) {
    mkdirSync(join(folder, 'ipv6/conf', link), { recursive: true });
    for (const file of FILES) writeFileSync(join(folder, 'ipv6/conf', link, file), 'as it was');
  }
});

afterEach(() => rmSync(folder, { recursive: true }));

const written = () =>
  LINKS.flatMap((link) =>
    FILES.filter((file) => readFileSync(join(folder, 'ipv6/conf', link, file), 'utf8') !== 'as it was').map(
      (file) => `${link}/${file}`,
    ),
  );

test('settings of shims and probes are written', async () => {
  const settings = new LinkSettings(folder);
  await settings.writeIPv6('mvs-ours', 'forwarding', 1);
  await settings.writeIPv6('mvp-ours', 'disable_ipv6', 1);
  expect(written()).toEqual(['mvs-ours/forwarding', 'mvp-ours/disable_ipv6']);
  expect(readFileSync(join(folder, 'ipv6/conf/mvs-ours/forwarding'), 'utf8')).toBe('1\n');
});

test('those of any other link are refused, however its name is written', async () => {
  const settings = new LinkSettings(folder);
  const others = LINKS.filter((link) => !link.endsWith('-ours'));
  for (const link of [...others, 'mvs-/../eth0', 'mvs-ours/../all', '../conf/eth0', '', '.', '..', 'MVS-ours']) {
    await expect(settings.writeIPv6(link, 'forwarding', 1)).rejects.toThrow('is no link of ours');
  }
  expect(written()).toEqual([]);
});

test('a link that is gone is an error, and no file is made', async () => {
  await expect(new LinkSettings(folder).writeIPv6('mvs-gone', 'forwarding', 1)).rejects.toMatchObject({
    code: 'ENOENT',
  });
  expect(readdirSync(join(folder, 'ipv6/conf')).sort()).toEqual([...LINKS].sort());
});

test('nothing else of the agent writes files', () => {
  const sources = readdirSync('src/agent', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const writers = sources.filter((path) =>
    /\b(writeFile|appendFile|writeFileSync|createWriteStream|mkdir|unlink|rename|symlink|truncate)\b\(/.test(
      readFileSync(join('src/agent', path), 'utf8'),
    ),
  );
  expect(writers).toEqual(['netlink/link-settings.ts']);
});
