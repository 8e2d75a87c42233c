// However somebody writes an address, it is that one address: for claims, for pins, and on networks of others.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../src/api/kube.ts';
import type { IdentityLink } from '../../src/api/v1alpha1/identity.ts';
import { addressesOf, claimName } from '../../src/domain/identity/claims.ts';
import { addressKey } from '../../src/domain/identity/conflicts.ts';
import { addressesElsewhere } from '../../src/domain/identity/elsewhere.ts';
import { isRefusal } from '../../src/domain/identity/reason.ts';
import { wishFor } from '../../src/domain/identity/wish.ts';
import { attachment } from '../support/builders.ts';
import { waitingPod } from '../support/identity.ts';

const anyCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((up) => [...text].map((letter, i) => (up[i] === true ? letter.toUpperCase() : letter)).join(''));

/** An address as we write it, and one of the ways in which others do. */
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).chain((octets) => {
  const pairs = [...octets].map((octet) => octet.toString(16).padStart(2, '0'));
  const dotted = [0, 2, 4].map((i) => `${pairs[i]}${pairs[i + 1]}`).join('.');
  const spellings = [pairs.join(':'), pairs.join('-'), pairs.join(''), dotted, ` ${pairs.join(':')}\t`];
  return fc.tuple(fc.constant(pairs.join(':')), fc.constantFrom(...spellings).chain(anyCase));
});

/** Short and long runs of zeros, so that there is something to shorten. */
const groups = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
});
const v6 = groups
  .filter(([first = 0, ...rest]) => (first & 0xffc0) !== 0xfe80 && !isMapped([first, ...rest]))
  .chain((numbers) => {
    const hex = numbers.map((number) => number.toString(16));
    return fc.tuple(
      fc.constant(numbers),
      fc.constantFrom(
        hex.join(':'),
        hex.map((group) => group.padStart(4, '0')).join(':'),
        shortened(hex),
        withV4Tail(numbers),
      ),
    );
  })
  .chain(([numbers, spelled]) => fc.tuple(fc.constant(numbers), anyCase(spelled)));
const v4 = fc.ipV4();

function isMapped(numbers: readonly number[]): boolean {
  return numbers.slice(0, 5).every((number) => number === 0) && numbers[5] === 0xffff;
}

/** `::` for the first zeros, however few they are. */
function shortened(hex: readonly string[]): string {
  const start = hex.indexOf('0');
  if (start < 0) return hex.join(':');
  const length = hex.slice(start).findIndex((group) => group !== '0');
  const end = length < 0 ? hex.length : start + length;
  return `${hex.slice(0, start).join(':')}::${hex.slice(end).join(':')}`;
}

function withV4Tail(numbers: readonly number[]): string {
  const [high = 0, low = 0] = numbers.slice(6);
  const tail = [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return [...numbers.slice(0, 6).map((number) => number.toString(16)), tail].join(':');
}

const claimOf = (address: string) => claimName({ address, attachment: 'lan' });
const plain = (numbers: readonly number[]) => numbers.map((number) => number.toString(16)).join(':');

/** What a pod gets that chooses freely, on an attachment without a pool. */
function given(choice: { readonly mac?: string; readonly ips?: readonly string[] }) {
  const spec = { pins: 'Allow', ipam: { type: 'Static' } } as const;
  const link = { element: 0, attachment: attachment({ spec }), index: 0, mac: undefined, ips: undefined, ...choice };
  const no = () => false;
  return wishFor(link, undefined, { owns: no, derives: no, isNicMac: no, isNodeAddress: no });
}

function ipsOf(wish: ReturnType<typeof given>): readonly string[] {
  if (isRefusal(wish)) throw new Error(wish.message);
  return wish.ips;
}

function onOthers(element: object): readonly string[] {
  const annotations = { 'k8s.v1.cni.cncf.io/networks': JSON.stringify([{ name: 'other', ...element }]) };
  const pod: Pod = waitingPod('x', { annotations });
  return addressesElsewhere(pod, () => 'Foreign');
}

describe('a MAC address', () => {
  test('is given in our spelling or refused, and then has the claim of that address', () => {
    fc.assert(
      fc.property(mac, v4, ([own, spelled], ip) => {
        const wish = given({ mac: spelled, ips: [`${ip}/24`] });
        if (isRefusal(wish)) expect(wish.reason).toBe('PinInvalid');
        else expect([wish.mac, claimOf(wish.mac ?? '')]).toEqual([own, claimOf(own)]);
      }),
    );
  });

  test('is found on networks of others, by whichever key and among whatever else', () => {
    fc.assert(
      fc.property(mac, v4, ([own, spelled], ip) => {
        expect(onOthers({ mac: spelled })).toEqual([own]);
        expect(onOthers({ ips: [`${ip}/24;MAC=${spelled.trim()}`] })).toEqual([ip, own]);
        expect(onOthers({ 'cni-args': { deep: [{ mac: spelled }] } })).toEqual([own]);
      }),
    );
  });
});

describe('an IPv6 address', () => {
  test('has one claim and one key in every spelling, with and without a prefix', () => {
    fc.assert(
      fc.property(v6, fc.nat({ max: 128 }), ([numbers, spelled], prefix) => {
        for (const text of [spelled, `${spelled}/${prefix}`]) {
          expect(claimOf(text)).toBe(claimOf(plain(numbers)));
          expect(addressKey(text)).toBe(addressKey(plain(numbers)));
        }
      }),
    );
  });

  test('is given in one spelling, which has the same claim', () => {
    fc.assert(
      fc.property(v6, ([numbers, spelled]) => {
        const [one, other] = [spelled, plain(numbers)].map((text) => ipsOf(given({ ips: [`${text}/64`] })));
        expect(one).toEqual(other);
        const link: IdentityLink = { attachment: 'lan', index: 0, ips: one ?? [] };
        expect(addressesOf([link]).map(claimName)).toEqual([claimOf(plain(numbers))]);
      }),
    );
  });

  test('that stands for an IPv4 address is refused, and on networks of others is that address', () => {
    fc.assert(
      fc.property(v4, fc.boolean(), (ip, isHex) => {
        const [a = 0, b = 0, c = 0, d = 0] = ip.split('.').map(Number);
        const tail = isHex ? `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : ip;
        for (const text of [`::ffff:${tail}`, `0:0:0:0:0:FFFF:${tail}`]) {
          expect(given({ ips: [`${text}/120`] })).toMatchObject({ reason: 'PinInvalid' });
          expect(onOthers({ ips: [`${text}/120`] })).toEqual([ip]);
        }
      }),
    );
  });
});
