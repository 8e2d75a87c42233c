// Whatever a spec holds, rendering gives a configuration of the right shape, checks give sentences, and nothing throws.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MacvlanAttachment, MacvlanAttachmentSpec } from '../../src/api/v1alpha1/attachment.ts';
import { aliasFor } from '../../src/domain/attachment/alias.ts';
import { formatConfig, networkDefinitionFor } from '../../src/domain/attachment/network-definition.ts';
import { leftoversIn } from '../../src/domain/attachment/network-definition-metadata.ts';
import { planAttachment } from '../../src/domain/attachment/plan.ts';
import { statusFor } from '../../src/domain/attachment/status.ts';
import { validateAttachment } from '../../src/domain/attachment/validate.ts';
import { judge } from '../../src/domain/attachment/verdict.ts';
import { diffObjects } from '../../src/domain/objects/diff.ts';
import { decideParent } from '../../src/domain/parent/match.ts';
import { pluginsFor } from '../../src/domain/parent/preflight/plugins.ts';
import { attachment, facts, namespace, node } from '../support/builders.ts';
import { shapedSpec } from '../support/hostile.ts';
import { seeded } from '../support/seed.ts';

const RUNS = 300;

const hostile: fc.Arbitrary<MacvlanAttachment> = shapedSpec.map((spec) =>
  attachment({ spec: spec as Partial<MacvlanAttachmentSpec> }),
);

interface Config {
  readonly cniVersion: unknown;
  readonly name: unknown;
  readonly plugins: readonly Readonly<Record<string, unknown>>[];
}

describe('for every spec of the right shape', () => {
  test('the configuration is JSON with our keys only, our plugin first and the chained ones after it', () => {
    const property = fc.property(hostile, (object) => {
      const config = JSON.parse(formatConfig(object)) as Config;
      expect(Object.keys(config)).toEqual(['cniVersion', 'name', 'plugins']);
      expect(config.name).toBe('lan');
      const { chain = [], mode = 'bridge' } = object.spec;
      expect(config.plugins.map((plugin) => plugin['type'])).toEqual([
        'macvlan',
        ...chain.map((plugin) => plugin.type),
      ]);
      const [macvlan] = config.plugins;
      expect(macvlan).toMatchObject({ master: aliasFor('lan'), mode, capabilities: { mac: true, ips: true } });
    });
    fc.assert(property, seeded('configuration', RUNS));
  });

  test('it does not depend on the order in which keys were written', () => {
    const property = fc.property(hostile, (object) => {
      expect(formatConfig({ ...object, spec: backwards(object.spec) as MacvlanAttachmentSpec })).toBe(
        formatConfig(object),
      );
    });
    fc.assert(property, seeded('order', RUNS));
  });

  test('every objection is a sentence with a remedy, and a spec without one is rendered', () => {
    const property = fc.property(hostile, (object) => {
      const problems = validateAttachment(object);
      for (const { message, remedy } of problems) {
        expect(message).toMatch(/[.]$/);
        expect(remedy).toMatch(/^[A-Z].*[.]$/);
        expect(message.length).toBeLessThan(2000);
      }
      const all = facts({ attachment: object, namespaces: [namespace('home'), namespace('shop')], nodes: [node('a')] });
      const plan = planAttachment(all);
      expect(plan.objects === 'Hold').toBe(problems.length > 0);
      const status = statusFor(object, judge(all, plan, { taken: [], failures: [] }));
      for (const condition of status.conditions ?? []) expect(condition.message.length).toBeLessThan(32_768);
    });
    fc.assert(property, seeded('objections', RUNS));
  });

  test('nothing is left to do once the NAD is as rendered, and taking off is never about our own keys', () => {
    const property = fc.property(hostile, hostile, (one, other) => {
      const [before, after] = [networkDefinitionFor(one, 'home'), networkDefinitionFor(other, 'home')];
      expect(diffObjects([after], [after])).toEqual([]);
      const { labels = {} } = leftoversIn(after, before) ?? {};
      expect(Object.keys(labels)).not.toContain('macvlan.dev/attachment');
      expect(after.metadata.labels).toMatchObject({ 'macvlan.dev/attachment': 'lan' });
    });
    fc.assert(property, seeded('metadata', RUNS));
  });

  test('a node can always say which NIC is meant, or why none is, and which plugins are needed', () => {
    const property = fc.property(hostile, (object) => {
      const network = { links: [NIC], addresses: [], routes: [], neighbours: [] };
      const decision = decideParent(object, { 'kubernetes.io/hostname': 'a' }, network, undefined);
      if (decision.type === 'None') expect(decision.problem.remedy).not.toBe('');
      expect(pluginsFor(object)[0]).toBe('macvlan');
    });
    fc.assert(property, seeded('parent', RUNS));
  });
});

const NIC = {
  ifindex: 2,
  name: 'aaaaaaaaaaaaaaa',
  altNames: [],
  mac: '52:54:00:12:34:56',
  type: 'Ethernet',
  isUp: true,
  hasCarrier: true,
  isNoArp: false,
  mtu: 1500,
  isLowerElsewhere: false,
} as const;

/** The same value with all keys in the opposite order; not below what is compared at all. */
function backwards(value: unknown, levels = 40): unknown {
  if (typeof value !== 'object' || value === null || levels === 0) return value;
  if (Array.isArray(value)) return value.map((item) => backwards(item, levels - 1));
  const entries = Object.entries(value).toReversed();
  return Object.fromEntries(entries.map(([key, item]) => [key, backwards(item, levels - 1)]));
}
