// What holds for every attachment and every cluster, not only for the examples in the unit tests.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NetworkAttachmentDefinition } from '../../src/api/multus.ts';
import { LINK_NAME_MAX } from '../../src/api/names.ts';
import type { MacvlanAttachmentSpec } from '../../src/api/v1alpha1/attachment.ts';
import { aliasFor } from '../../src/domain/attachment/alias.ts';
import type { AttachmentFacts, NodeReport } from '../../src/domain/attachment/facts.ts';
import { planAttachment } from '../../src/domain/attachment/plan.ts';
import { statusFor } from '../../src/domain/attachment/status.ts';
import { judge, type Outcome } from '../../src/domain/attachment/verdict.ts';
import { diffObjects } from '../../src/domain/objects/diff.ts';
import { isEqual } from '../../src/domain/objects/equal.ts';
import {
  attachment,
  definition,
  deleted,
  facts,
  held,
  NOW,
  namespace,
  node,
  nodeEntry,
  nodePod,
} from '../support/builders.ts';

const names = ['home', 'shop', 'work', 'lab'];
const labels = fc.constantFrom({}, { lan: 'yes' }, { lan: 'no' });
const namespaces = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), labels), { selector: ([name]) => name })
  .map((list) => list.map(([name, own]) => namespace(name, own)));

const spec: fc.Arbitrary<Partial<MacvlanAttachmentSpec>> = fc.record({
  namespaces: fc.oneof(
    fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }).map((list) => ({ names: list })),
    fc.constantFrom(
      { selector: {} },
      { selector: { matchLabels: { lan: 'yes' } } },
      { names: ['home'], selector: { matchLabels: { lan: 'no' } } },
    ),
  ),
  mode: fc.constantFrom('bridge', 'private', 'vepa', 'passthru'),
  hostAccess: fc.constantFrom({ type: 'None' }, { type: 'Routed' }),
  ipam: fc.constantFrom(
    { type: 'DHCP' },
    { type: 'None' },
    { type: 'HostLocal', hostLocal: { ranges: [{ subnet: '192.0.2.0/24' }] } },
    { type: 'HostLocal', hostLocal: { ranges: [{ subnet: '192.0.2.9/24' }] } },
  ),
}) as fc.Arbitrary<Partial<MacvlanAttachmentSpec>>;

const nodes = fc
  .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('True', 'Unknown'), fc.nat(1_200_000)), {
    selector: ([name]) => name,
  })
  .map((list) => list.map(([name, ready, sinceMs]) => node(name, { ready: ready as 'True' | 'Unknown', sinceMs })));

const reports: fc.Arbitrary<readonly NodeReport[]> = fc.uniqueArray(
  fc.record({
    node: fc.constantFrom('a', 'b', 'c', 'gone'),
    entry: fc.option(
      fc.constantFrom(
        nodeEntry(),
        nodeEntry({ phase: 'Pending' }),
        nodeEntry({ phase: 'Failed', problems: [{ reason: 'ParentMissing', message: 'none' }] }),
      ),
      { nil: undefined },
    ),
    pods: fc.constantFrom([], [nodePod('web')], [nodePod('web'), nodePod('db')]),
  }),
  { selector: (report) => report.node },
);

const owned = fc.uniqueArray(fc.constantFrom(...names)).map((list) => list.map((name) => definition(name)));

const anyFacts: fc.Arbitrary<AttachmentFacts> = fc
  .record({
    wish: spec,
    life: fc.constantFrom('fresh', 'held', 'deleted', 'cleaning', 'absent'),
    multus: fc.constantFrom('Present' as const, 'Missing' as const),
    namespaces,
    nodes,
    reports,
    owned,
    holders: fc.constantFrom(held(), held('web'), held('web', 'db')),
  })
  .map(({ wish, life, ...rest }) => facts({ ...rest, attachment: attachmentIn(life, wish) }));

function attachmentIn(life: string, wish: Partial<MacvlanAttachmentSpec>) {
  if (life === 'absent') return undefined;
  if (life === 'fresh') return attachment({ spec: wish, metadata: { finalizers: [] } });
  if (life === 'deleted') return deleted({ spec: wish });
  if (life === 'cleaning') return deleted({ spec: wish, status: { phase: 'Cleaning' } });
  return attachment({ spec: wish });
}

const fine: Outcome = { taken: [], failures: [] };

/** What the API server would hold afterwards. */
function carryOut(found: readonly NetworkAttachmentDefinition[], wanted: readonly NetworkAttachmentDefinition[]) {
  const actions = diffObjects(wanted, found);
  const changed = new Set(actions.map((action) => action.object.metadata.namespace));
  const made = actions.filter((action) => action.type !== 'delete').map((action) => action.object);
  return [...found.filter((object) => !changed.has(object.metadata.namespace)), ...made];
}

describe('for every attachment in every cluster', () => {
  test('nothing is left to do after the plan was carried out', () => {
    fc.assert(
      fc.property(anyFacts, (all) => {
        const { objects } = planAttachment(all);
        if (objects === 'Hold') return;
        expect(diffObjects(objects, carryOut(all.owned, objects))).toEqual([]);
      }),
    );
  });

  test('the plan depends on what is there, not on the order in which it was seen', () => {
    fc.assert(
      fc.property(anyFacts, (all) => {
        const turned = {
          ...all,
          namespaces: all.namespaces.toReversed(),
          nodes: all.nodes.toReversed(),
          reports: all.reports.toReversed(),
        };
        const [one, two] = [planAttachment(all), planAttachment(turned)];
        expect(JSON.stringify(two)).toBe(JSON.stringify(one));
        if (all.attachment === undefined) return;
        const [first, second] = [
          statusFor(all.attachment, judge(all, one, fine)),
          statusFor(all.attachment, judge(turned, two, fine)),
        ];
        expect(JSON.stringify(second)).toBe(JSON.stringify(first));
      }),
    );
  });

  test('a status that was written is not written again', () => {
    fc.assert(
      fc.property(anyFacts, (all) => {
        if (all.attachment === undefined) return;
        const { phase: before } = all.attachment.status ?? {};
        const status = statusFor(all.attachment, judge(all, planAttachment(all), fine));
        if (before !== status.phase && status.phase === 'Cleaning') return; // the next turn is about another phase
        const later = { ...all, attachment: { ...all.attachment, status }, now: NOW };
        expect(isEqual(statusFor(later.attachment, judge(later, planAttachment(later), fine)), status)).toBe(true);
      }),
    );
  });

  test('an attachment goes only when its NADs are unwanted and no node that counts has anything left', () => {
    fc.assert(
      fc.property(anyFacts, (all) => {
        const plan = planAttachment(all);
        if (plan.finalizer !== 'Remove') return;
        expect(all.attachment?.metadata.deletionTimestamp).toBeDefined();
        expect(plan.objects === 'Hold' ? [] : plan.objects).toEqual([]);
        const ready = new Set(
          all.nodes.filter((n) => n.status?.conditions?.[0]?.status === 'True').map((n) => n.metadata.name),
        );
        expect(all.reports.filter((report) => ready.has(report.node) && report.entry !== undefined)).toEqual([]);
      }),
    );
  });

  test('Ready is True exactly when all the others are', () => {
    fc.assert(
      fc.property(anyFacts, (all) => {
        if (all.attachment?.metadata.deletionTimestamp !== undefined || all.attachment === undefined) return;
        const { conditions = [] } = statusFor(all.attachment, judge(all, planAttachment(all), fine));
        const others = conditions.filter((c) => c.type !== 'Ready').every((c) => c.status === 'True');
        expect(conditions.find((c) => c.type === 'Ready')?.status === 'True').toBe(others);
      }),
    );
  });
});

test('an alias always fits the kernel, and two names never share a plain one', () => {
  const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/);
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(aliasFor(a).length).toBeLessThanOrEqual(LINK_NAME_MAX);
      expect(aliasFor(a) === aliasFor(b)).toBe(a === b);
    }),
  );
});
