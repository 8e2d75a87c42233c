import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Node } from '../../../../src/api/kube.ts';
import { gatherGroup, type IdentitySight } from '../../../../src/controller/identity/gather.ts';
import { LastSeen } from '../../../../src/controller/identity/last-seen.ts';
import { OwnWrites } from '../../../../src/controller/own-writes.ts';
import { createStores, type Stores } from '../../../../src/controller/stores.ts';
import { proofOf } from '../../../../src/domain/identity/release.ts';
import { holderNow } from '../../../../src/domain/identity/status.ts';
import { node } from '../../../support/builders.ts';
import { boundPod } from '../../../support/identity.ts';

let stores: Stores;
let sight: IdentitySight;
/** As the API server has them. */
let nodes: readonly Node[];
let asked: string[];

const inBoot = (bootID: string): Node => ({ ...node('a'), status: { nodeInfo: { bootID } } });

beforeEach(() => {
  stores = createStores();
  nodes = [];
  asked = [];
  const client = {
    get: async () => undefined,
    list: async (_kind: unknown, { fieldSelector = '' } = {}) => {
      asked.push(fieldSelector);
      return { items: nodes, resourceVersion: '1' };
    },
  } as unknown as IdentitySight['client'];
  sight = {
    client,
    stores,
    pods: new OwnWrites(stores.pods),
    identities: new OwnWrites(stores.identities),
    claims: new OwnWrites(stores.claims),
    lastSeen: new LastSeen(stores.pods),
  };
});

async function holder(known: { readonly node?: string; readonly bootId?: string }) {
  const status = { holder: { pod: 'x', uid: 'uid-x', ...known } };
  stores.identities.upsert({ metadata: { name: 'vip', namespace: 'home' }, spec: {}, status });
  const { holders } = await gatherGroup(sight, 'home/vip', AbortSignal.timeout(60_000));
  const facts = holders.get('vip');
  if (facts === undefined) throw new Error('nobody holds it');
  return facts;
}

describe('a holder whose object is gone', () => {
  test('is not gone with a node that the watch has not shown yet', async () => {
    nodes = [inBoot('1')];
    const facts = await holder({ node: 'a' });
    expect(proofOf(facts)).toBeUndefined();
    expect(asked).toEqual(['metadata.name=a']);
    expect(holderNow(facts)).toMatchObject({ bootId: '1' });
  });

  test('is gone with a node that the API server does not have either', async () => {
    expect(proofOf(await holder({ node: 'a' }))).toBe('NodeGone');
  });

  test('is noted with the boot that the node is in, whatever the watch shows', async () => {
    stores.nodes.upsert(inBoot('1'));
    nodes = [inBoot('2')];
    expect(holderNow(await holder({ node: 'a' }))).toMatchObject({ bootId: '2' });
  });

  test('is not looked for again while nothing has changed', async () => {
    stores.nodes.upsert(inBoot('1'));
    expect(proofOf(await holder({ node: 'a', bootId: '1' }))).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('a holder of which its agent says that nothing is left', () => {
  const tell = (on: string, name = 'x') => {
    const ended = [{ namespace: 'home', name, uid: 'uid-x' }];
    stores.nodeStates.upsert({ metadata: { name: on }, status: { ended } });
  };

  test('is gone, though nobody noted its node', async () => {
    tell('b');
    expect(proofOf(await holder({}))).toBe('NothingLeft');
  });

  test('may be there when that is the word of another node, or about another pod', async () => {
    nodes = [inBoot('1')];
    tell('b');
    expect(proofOf(await holder({ node: 'a' }))).toBeUndefined();
    tell('b', 'y');
    expect(proofOf(await holder({}))).toBeUndefined();
  });
});

test('a holder that is there is not asked about its node', async () => {
  stores.pods.upsert(boundPod('x', 'vip'));
  expect(proofOf(await holder({ node: 'a' }))).toBeUndefined();
  expect(asked).toEqual([]);
});
