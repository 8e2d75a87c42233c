// Facts for the preflight: a good NIC on a plain Debian, and what a test says differently.
import type { PreflightFacts } from '../../src/domain/parent/preflight/facts.ts';
import { type Preflight, preflight } from '../../src/domain/parent/preflight/list.ts';
import { attachment } from './builders.ts';
import { link } from './network.ts';

export function preflightOf(init: Partial<PreflightFacts> = {}): Preflight {
  const parent = init.parent ?? link();
  return preflight({
    attachment: attachment(),
    parent,
    alias: 'mva-lan',
    links: [parent],
    missingPlugins: [],
    system: { osImage: 'Debian GNU/Linux 13 (trixie)', kernelVersion: '6.12.48+deb13-amd64' },
    arpResponders: [],
    ...init,
  });
}
