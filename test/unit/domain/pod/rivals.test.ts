import { describe, expect, test } from '@jest/globals';
import type { Neighbour } from '../../../../src/domain/net/network.ts';
import { contested } from '../../../../src/domain/pod/contested.ts';
import type { LinkSight } from '../../../../src/domain/pod/link-state.ts';
import {
  addressesBeside,
  answeringForAll,
  type LanQuestion,
  questionsAbout,
  rivalsIn,
} from '../../../../src/domain/pod/rivals.ts';
import { type AttachmentInit, attachment } from '../../../support/builders.ts';

const MAC = '02:4d:00:00:00:01';
const OTHER = '00:11:22:33:44:55';
const IP = '192.0.2.50';

interface Scene {
  readonly spec?: AttachmentInit['spec'];
  readonly live?: LinkSight['live'];
  readonly mac?: string;
  readonly parent?: number;
}

function asked({ spec = {}, live = { isRepaired: false }, mac = MAC, parent = 2 }: Scene = {}): readonly LanQuestion[] {
  const addresses = [IP, 'fd00::50'].map((address) => ({ address, prefixLength: 24 }));
  const cached = { uid: 'u1', interface: 'net1', attachment: 'lan', mac, addresses } as unknown as LinkSight['cached'];
  return questionsAbout({
    sights: new Map([['u1/net1', { cached, live }]]),
    attachments: new Map([['lan', attachment({ spec })]]),
    parents: new Map(parent === 0 ? [] : [['lan', parent]]),
  });
}

const shown = (address: string, isUsable = true) => ({ address, isUsable, isPermanent: true });

describe('what is asked', () => {
  test('is each IPv4 address of a link that is there, on its NIC', () => {
    const question = { key: 'u1/net1', parent: 2, address: IP, mac: MAC, isReflected: false };
    expect(asked()).toEqual([question]);
    expect(asked({ live: { isRepaired: false, lower: 7 } })).toEqual([{ ...question, parent: 7 }]);
    expect(asked({ spec: { mode: 'vepa' } })).toEqual([{ ...question, isReflected: true }]);
  });

  test('goes by what is on the link, where that is known', () => {
    const addresses = [shown('192.0.2.51'), shown('192.0.2.52', false), shown('fd00::9')];
    expect(asked({ live: { isRepaired: false, addresses } }).map(({ address }) => address)).toEqual(['192.0.2.51']);
  });

  test.each<[string, Scene]>([
    ['that vanished', { live: 'Missing' }],
    ['that cannot be looked at', { live: 'Unseen' }],
    ['without a known MAC address', { mac: '' }],
    ['on a NIC that is not verified', { parent: 0 }],
    ['that has the NIC for itself', { spec: { mode: 'passthru' } }],
  ])('is nothing of a link %s', (_which, scene) => {
    expect(asked(scene)).toEqual([]);
  });
});

describe('somebody else', () => {
  const [question] = asked();
  const neighbour = (address: string, mac: string, change: Partial<Neighbour> = {}): Neighbour => ({
    ifindex: 2,
    family: 'IPv4',
    address,
    mac,
    isPermanent: false,
    ...change,
  });
  const found = (neighbours: readonly Neighbour[], change: Partial<LanQuestion> = {}, forAll = new Set<string>()) =>
    question === undefined ? undefined : rivalsIn({ ...question, ...change }, neighbours, forAll);

  test('is who answers for the address under another MAC address', () => {
    expect(found([neighbour(IP, OTHER), neighbour('192.0.2.9', OTHER)])).toEqual([{ address: IP, mac: OTHER }]);
  });

  test('is who has the MAC address under another address, where frames do not come back', () => {
    expect(found([neighbour('192.0.2.9', MAC)])).toEqual([{ address: '192.0.2.9', mac: MAC }]);
    expect(found([neighbour('192.0.2.9', MAC)], { isReflected: true })).toEqual([]);
  });

  test('is not who answers for addresses beside it, too', () => {
    const beside = addressesBeside(IP);
    expect(beside).toEqual(['192.0.2.51', '192.0.2.48', '192.0.2.54', '192.0.2.53']);
    const answers = (...macs: readonly string[]) =>
      answeringForAll(
        beside,
        macs.map((mac, i) => neighbour(beside[i] ?? '', mac)),
      );
    expect(answers(OTHER, MAC, OTHER, OTHER)).toEqual(new Set([OTHER]));
    // Devices that have some of them.
    expect(answers(OTHER, MAC, OTHER, '')).toEqual(new Set());
    expect(found([neighbour(IP, OTHER)], {}, new Set([OTHER]))).toEqual([]);
  });

  test.each<[string, Neighbour[]]>([
    ['who has not answered', [neighbour(IP, '')]],
    ['the pod itself, whose frames come back', [neighbour(IP, MAC)]],
    ['what a person has written down', [neighbour(IP, OTHER, { isPermanent: true })]],
    ['an address that the node answers for', [neighbour(IP, OTHER, { isProxy: true })]],
  ])('is not %s', (_who, neighbours) => {
    expect(found(neighbours)).toEqual([]);
  });
});

test('what is contested of a link is what is its own', () => {
  const rivals = [
    { address: IP, mac: OTHER },
    { address: '192.0.2.9', mac: MAC },
  ];
  expect(contested(rivals, { mac: MAC, ips: [IP] })).toEqual([IP, MAC].sort());
  expect(contested(rivals, { mac: '', ips: [] })).toEqual([]);
});
