// Names and addresses of test clusters, and where their programs are kept.
import { describe, expect, test } from '@jest/globals';
import { folderOf } from '../../cluster/binaries.ts';
import { instanceFor } from '../../cluster/instance.ts';
import { etcd, programOf, runc } from '../../cluster/tools.ts';
import { DEFAULT_NODES, nodeFacts } from '../../cluster/topology.ts';

describe('the name of a cluster', () => {
  test.each(['demo', 'e2e-12345', 'a'])('%s is taken', (name) => {
    expect(instanceFor(name).folder).toMatch(new RegExp(`/macvlan-operator-${name}$`));
  });

  test.each(['', 'Demo', 'a/b', '-a', 'a-', 'x'.repeat(25), 'api-1'])('"%s" is refused', (name) => {
    expect(() => instanceFor(name)).toThrow('cannot name a cluster');
  });
});

test('the two nodes of a cluster differ in everything, the names of their LAN NICs included', () => {
  const [a, b] = nodeFacts(DEFAULT_NODES);
  expect(a).toMatchObject({ name: 'node-a', parent: 'enp3s0', lanAddress: '192.0.2.12' });
  expect(b).toMatchObject({ name: 'node-b', parent: 'lan0', lanAddress: '192.0.2.13' });
  const shared = Object.values(a ?? {}).filter((value) => Object.values(b ?? {}).includes(value));
  expect(shared).toEqual([]);
});

test('a program is named as Go names it', () => {
  expect(programOf(runc, 'github.com/opencontainers/runc')).toBe('runc');
  expect(programOf(runc, 'example.org/tool/v2')).toBe('tool');
});

test('whatever may change a program changes the folder that it is kept in', () => {
  const kept = folderOf(etcd);
  expect(folderOf({ ...etcd })).toBe(kept);
  expect(folderOf({ ...etcd, tags: ['other'] })).not.toBe(kept);
  expect(folderOf({ ...etcd, cgo: true })).not.toBe(kept);
  expect(folderOf({ ...etcd, folder: runc.folder })).not.toBe(kept);
});
