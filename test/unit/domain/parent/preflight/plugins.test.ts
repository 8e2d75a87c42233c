// Which CNI plugins the pods of an attachment need on their node.
import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../../src/api/v1alpha1/attachment.ts';
import { pluginsFor } from '../../../../../src/domain/parent/preflight/plugins.ts';
import { attachment } from '../../../../support/builders.ts';

describe('the plugins that an attachment needs are macvlan', () => {
  const ranges = [{ subnet: '192.0.2.0/24' }];
  test.each<[string, Partial<MacvlanAttachmentSpec>, readonly string[]]>([
    ['and dhcp for DHCP', {}, ['dhcp']],
    ['and nothing for a link without addresses', { ipam: { type: 'None' } }, []],
    ['and static for addresses that come with the pod', { ipam: { type: 'Static' } }, ['static']],
    ['and static for a pool', { ipam: { type: 'Pool', pool: { ranges } } }, ['static']],
    ['and host-local for ranges of the node', { ipam: { type: 'HostLocal', hostLocal: { ranges } } }, ['host-local']],
    [
      'and the one that the user names',
      { ipam: { type: 'Raw', raw: { config: { type: 'whereabouts' } } } },
      ['whereabouts'],
    ],
    [
      'and those of the chain, each once',
      { chain: [{ type: 'tuning' }, { type: 'sbr' }, { type: 'dhcp' }] },
      ['dhcp', 'tuning', 'sbr'],
    ],
  ])('%s', (_, spec, others) => {
    expect(pluginsFor(attachment({ spec }))).toEqual(['macvlan', ...others]);
  });
});
