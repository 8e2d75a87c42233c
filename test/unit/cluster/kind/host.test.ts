import { describe, expect, test } from '@jest/globals';
import { changedSettings, kernelSettings } from '../../../cluster/kind/host.ts';

describe('kernel settings', () => {
  test('that have another value are the changed ones; those that came or went are not', () => {
    const before = { 'vm/overcommit_memory': '0\n', 'kernel/panic': '1\n', 'fs/gone': '1\n' };
    const now = { 'vm/overcommit_memory': '1\n', 'kernel/panic': '1\n', 'fs/new': '1\n' };
    expect(changedSettings(before, now)).toEqual(['vm/overcommit_memory']);
  });

  test('are those of the machine, without those that belong to a network namespace or change by themselves', () => {
    const keys = Object.keys(kernelSettings());
    expect(keys).toContain('vm/overcommit_memory');
    expect(keys.filter((key) => /^net\/|^kernel\/(random\/|ns_last_pid)/.test(key))).toEqual([]);
    expect(changedSettings(kernelSettings(), kernelSettings())).toEqual([]);
  });
});
