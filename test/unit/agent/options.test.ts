// The environment of the agent: defaults, and sentences for what is wrong.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { readOptions } from '../../../src/agent/options.ts';
import { PluginDirectory } from '../../../src/agent/plugins.ts';

const folder = mkdtempSync(join(tmpdir(), 'agent-options-'));
const bootId = join(folder, 'boot_id');
writeFileSync(bootId, '0ee3a1b2\n');

afterAll(() => rmSync(folder, { recursive: true }));

test('options have defaults', () => {
  expect(readOptions({ NODE_NAME: 'nas' }, bootId)).toMatchObject({
    nodeName: 'nas',
    logLevel: 'info',
    healthPort: 8080,
    metricsPort: 8081,
    cniBinPath: '/host/cni/bin',
    bootId: '0ee3a1b2',
  });
});

test('options come from the environment', () => {
  const env = {
    NODE_NAME: 'nas',
    HEALTH_PORT: '9',
    METRICS_PORT: '',
    NETLINK_ADDON: '/x',
    CNI_BIN_PATH: '/y',
    LOG_LEVEL: 'debug',
  };
  const expected = { healthPort: 9, metricsPort: 8081, addonPath: '/x', cniBinPath: '/y', logLevel: 'debug' };
  expect(readOptions(env, bootId)).toMatchObject(expected);
});

test('what is wrong is said in a sentence', () => {
  expect(() => readOptions({}, bootId)).toThrow('NODE_NAME is not set');
  expect(() => readOptions({ NODE_NAME: 'nas', HEALTH_PORT: '70000' }, bootId)).toThrow(
    'HEALTH_PORT is no port: 70000',
  );
});

test('a plugin that is no program is missing', async () => {
  writeFileSync(join(folder, 'macvlan'), '', { mode: 0o755 });
  writeFileSync(join(folder, 'dhcp'), '', { mode: 0o644 });
  expect(await new PluginDirectory(folder).missing(['macvlan', 'dhcp', 'static'])).toEqual(['dhcp', 'static']);
  expect(await new PluginDirectory('/nowhere').missing(['macvlan'])).toEqual(['macvlan']);
});
