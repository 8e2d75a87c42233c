// Netlink messages as they should never be: noise, real ones cut off, with lengths that lie, spliced. Nothing throws, nothing hangs,
// nothing grows beyond what came in, and nobody gets an answer that was not his.
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Addon, NativeCallback } from '../../src/agent/netlink/addon.ts';
import * as k from '../../src/agent/netlink/constants.ts';
import {
  decodeAddress,
  decodeIfindex,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
} from '../../src/agent/netlink/decode.ts';
import { decodeFilter } from '../../src/agent/netlink/egress-filter.ts';
import { encodeLinkDump } from '../../src/agent/netlink/encode.ts';
import { decodeHint, listen } from '../../src/agent/netlink/events.ts';
import { readMessages, setSequence, walkAttributes } from '../../src/agent/netlink/message.ts';
import { decodeNamespaceNumber, decodeRemoteLink } from '../../src/agent/netlink/remote.ts';
import { decodeRouterRoute } from '../../src/agent/netlink/router-routes.ts';
import { type NetlinkError, RequestSocket, readAcknowledgement } from '../../src/agent/netlink/socket.ts';
import { recordedDatagrams } from '../support/netlink-messages.ts';
import { seeded } from '../support/seed.ts';

const RUNS = 3000;
let nowhere = -1;

beforeAll(() => {
  nowhere = openSync(devNull, 'w');
});

afterAll(() => {
  closeSync(nowhere);
});

const datagrams = [...recordedDatagrams().values()].flat();
/** Values at which a length or a type changes its meaning. */
const EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 19, 20, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0xffffffff];

const real = fc.constantFrom(...datagrams);

interface Damage {
  readonly at: number;
  readonly value: number;
  readonly size: 1 | 2 | 4;
}

/** Overwrites at a place that is given as a part of the whole, so that it shrinks well. */
const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat({ max: 9999 }),
  value: fc.oneof(fc.constantFrom(...EDGES), fc.nat({ max: 0xffff })),
  size: fc.constantFrom(1, 2, 4),
});

function damaged(datagram: Buffer, hits: readonly Damage[]): Buffer {
  const bytes = Buffer.from(datagram);
  for (const { at, value, size } of hits) {
    if (bytes.length < size) continue;
    // Lengths and types lie on even places.
    const place = Math.floor((at / 10_000) * (bytes.length - size + 1)) & (size === 1 ? ~0 : ~1);
    const fitting = size === 4 ? value >>> 0 : value % 256 ** size;
    bytes.writeUIntLE(fitting, place, size);
  }
  return bytes;
}

const nonsense: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(real, fc.array(damage, { minLength: 1, maxLength: 8 })).map(([bytes, hits]) => damaged(bytes, hits)),
  fc.tuple(real, fc.nat({ max: 9999 })).map(([b, part]) => b.subarray(0, Math.floor((b.length * part) / 10_000))),
  fc.tuple(real, real, fc.nat({ max: 9999 }), fc.array(damage, { maxLength: 3 })).map(([one, other, part, hits]) => {
    const cut = Math.floor((one.length * part) / 10_000);
    return damaged(Buffer.concat([one.subarray(0, cut), other.subarray(Math.min(cut, other.length))]), hits);
  }),
);

/** Everything that the agent may make of the bodies of messages, whatever they claim to be. */
function decodeAll(datagram: Buffer): readonly unknown[] {
  return [...readMessages(datagram)].flatMap((message) => {
    const { body } = message;
    return [
      decodeLink(body),
      decodeAddress(body),
      decodeRoute(body),
      decodeNeighbour(body),
      decodeIfindex(body),
      decodeRouterRoute(body),
      decodeFilter(body),
      decodeHint(message),
      decodeRemoteLink(message),
      decodeNamespaceNumber(message),
      readAcknowledgement(message),
    ];
  });
}

/** How large the result is, about, in bytes. */
function sizeOf(values: readonly unknown[]): number {
  return JSON.stringify(values).length;
}

describe('what the kernel said once', () => {
  test('is understood', () => {
    const recorded = recordedDatagrams();
    const said = (name: string) => (recorded.get(name) ?? []).flatMap((datagram) => [...readMessages(datagram)]);
    const of = (name: string, type: number) => said(name).filter((message) => message.type === type);
    expect(of('links', k.RTM_NEWLINK).map(({ body }) => decodeLink(body)?.name)).toEqual(
      expect.arrayContaining(['lo', 'enp3s0', 'mvs-test', 'br0', 'port0', 'pod0']),
    );
    expect(of('links', k.RTM_NEWLINK).map(({ body }) => decodeLink(body)?.altNames)).toContainEqual([
      'enx525400000001',
      'mva-lan',
    ]);
    expect(of('routes4', k.RTM_NEWROUTE).map(({ body }) => decodeRoute(body))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ destination: '198.51.100.0', gateways: ['10.9.0.254', '10.9.0.253'] }),
        expect.objectContaining({ destination: '203.0.113.0', gateways: ['fe80::1'] }),
      ]),
    );
    expect(of('filters', k.RTM_NEWTFILTER).map(({ body }) => decodeFilter(body))).toContainEqual([
      '02:aa:00:00:00:02',
      '02:aa:00:00:00:03',
    ]);
    const errors = ['noSuchLink', 'nameTaken', 'mtuTooLarge', 'noSuchGateway'].map((name) => said(name)[0]);
    expect(errors.map((message) => message && readAcknowledgement(message))).toMatchObject([
      { code: 'ENODEV' },
      { code: 'EEXIST' },
      { code: 'EINVAL' },
      { code: 'EINVAL', message: 'Invalid prefsrc address' },
    ]);
    expect(new Set(said('events').map((message) => decodeHint(message)?.type))).toEqual(
      new Set(['Link', 'Address', 'Neighbour', 'Route', undefined]),
    );
  });

  test('cut off at any byte, decodes to less, and to nothing that was not there', () => {
    for (const datagram of datagrams) {
      const whole = [...readMessages(datagram)].length;
      for (let length = 0; length < datagram.length; length++) {
        const cut = datagram.subarray(0, length);
        decodeAll(cut);
        expect([...readMessages(cut)].length).toBeLessThanOrEqual(whole);
      }
    }
  });

  test('with any single length that lies, is read to an end', () => {
    for (const datagram of datagrams) {
      for (let at = 0; at + 2 <= datagram.length; at += 4) {
        for (const value of [0, 3, 5, 0xffff]) {
          const bytes = Buffer.from(datagram);
          bytes.writeUInt16LE(value, at);
          decodeAll(bytes);
        }
      }
    }
  });

  test('repeats a request in its errors whose length may lie as well', () => {
    const [error = Buffer.alloc(0)] = recordedDatagrams().get('noSuchGateway') ?? [];
    for (const length of [0, 15, 16, 28, 44, 0x7ffffffc, 0x80000000, 0xfffffff0, 0xffffffff]) {
      const bytes = Buffer.from(error);
      bytes.writeUInt16LE(k.NLM_F_ACK_TLVS, 6); // and not cut short
      bytes.writeUInt32LE(length, 20);
      expect([...readMessages(bytes)].map(readAcknowledgement)).toMatchObject([{ code: 'EINVAL' }]);
    }
  });
});

describe('nonsense', () => {
  test('is read to an end, and comes out no larger than it came in', () => {
    fc.assert(
      fc.property(nonsense, (datagram) => {
        const messages = [...readMessages(datagram)];
        expect(messages.length).toBeLessThanOrEqual(datagram.length / 16);
        const attributes = messages.flatMap(({ body }) => [...walkAttributes(body, 0)]);
        expect(attributes.length).toBeLessThanOrEqual(datagram.length / 4);
        // Eleven readings of each message, in words: a number of digits and names per attribute, and no more.
        expect(sizeOf(decodeAll(datagram))).toBeLessThan(20_000 + 60 * datagram.length);
      }),
      seeded('nonsense decoded', RUNS),
    );
  });

  test('ends no listener: it is told in hints at most', () => {
    let tell: NativeCallback = () => {};
    let hints = 0;
    const stop = listen(
      addonThat((callback) => (tell = callback)),
      () => {
        hints += 1;
      },
    );
    fc.assert(
      fc.property(nonsense, (datagram) => {
        hints = 0;
        tell(0, datagram);
        expect(hints).toBeLessThanOrEqual(datagram.length / 16);
      }),
      seeded('nonsense heard', RUNS),
    );
    stop();
  });

  test('leaves a request without an answer, or with an error, but never throws into the event loop', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(nonsense, { maxLength: 6 }), fc.boolean(), async (answers, isAddressed) => {
        let tell: NativeCallback = () => {};
        const socket = new RequestSocket(addonThat((callback) => (tell = callback)));
        const dump = socket
          .dump(encodeLinkDump(), (message) => void decodeLink(message.body))
          .then(
            () => 'answered',
            (error: NetlinkError) => error.code,
          );
        await Promise.resolve();
        for (const answer of answers) {
          const bytes = Buffer.from(answer);
          // As if it were the answer to this very request.
          if (isAddressed && bytes.length >= 16) setSequence(bytes, 1);
          tell(0, bytes);
        }
        await socket.close();
        expect(typeof (await dump)).toBe('string');
      }),
      seeded('nonsense answered', RUNS / 10),
    );
  });
});

/** An addon whose sockets swallow what is written, and hear what the test tells. */
function addonThat(opened: (callback: NativeCallback) => void): Addon {
  const sockets: Pick<Addon, 'open' | 'close' | 'ref' | 'unref'> = {
    open: (_groups, _receiveBuffer, callback) => {
      opened(callback);
      return { fd: nowhere };
    },
    close: () => {},
    ref: () => {},
    unref: () => {},
  };
  return sockets as Addon;
}
