// The agents' DaemonSet: what runs on every node, and with which rights.
import { describe, expect, test } from '@jest/globals';
import { type AgentSettings, agentDaemonSetFor } from '../../src/domain/attachment/agent-daemonset.ts';
import { expectGolden } from './golden.ts';

const settings: AgentSettings = {
  namespace: 'macvlan-system',
  image: 'registry.example/macvlan-operator:1.2.3',
  pullPolicy: 'IfNotPresent',
  serviceAccount: 'macvlan-agent',
  cniBinDir: '/opt/cni/bin',
  logLevel: 'info',
  healthPort: 9471,
  metricsPort: 9472,
  entersPods: false,
  probesLan: false,
};

describe('the DaemonSet', () => {
  test('is as it was reviewed', () => {
    expectGolden('agent-daemonset.json', agentDaemonSetFor(settings));
  });

  test('lets the agent enter pods while a link may have to be made again in one', () => {
    const changed = JSON.stringify(agentDaemonSetFor({ ...settings, entersPods: true }).spec);
    expect(changed).toBe(
      JSON.stringify(agentDaemonSetFor(settings).spec).replace('["NET_ADMIN"]', '["NET_ADMIN","SYS_ADMIN"]'),
    );
  });

  test('lets the agent ask by ARP while an attachment wants to know about filters', () => {
    const rightsOf = (more: Partial<AgentSettings>) =>
      /"add":(\[[^\]]*\])/.exec(JSON.stringify(agentDaemonSetFor({ ...settings, ...more }).spec))?.[1];
    expect(rightsOf({ probesLan: true })).toBe('["NET_ADMIN","NET_RAW"]');
    expect(rightsOf({ probesLan: true, entersPods: true })).toBe('["NET_ADMIN","NET_RAW","SYS_ADMIN"]');
  });

  test('says in an annotation what it was made from', () => {
    const noteIn = (more: Partial<AgentSettings>) =>
      agentDaemonSetFor({ ...settings, ...more }).metadata.annotations?.['macvlan.dev/template'];
    expect(noteIn({})).toMatch(/^[a-z2-7]{13}$/);
    expect(noteIn({})).toBe(noteIn({}));
    expect(noteIn({ entersPods: true })).not.toBe(noteIn({}));
  });

  test('belongs to the ServiceAccount where there is one', () => {
    const owner = { apiVersion: 'v1', kind: 'ServiceAccount', name: 'macvlan-agent', uid: 'u' };
    expect(agentDaemonSetFor({ ...settings, owner }).metadata.ownerReferences).toEqual([owner]);
  });
});
