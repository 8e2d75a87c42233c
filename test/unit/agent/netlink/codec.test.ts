// Netlink's wire format: what is written is read again, real messages are understood, and nonsense ends nothing.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as k from '../../../../src/agent/netlink/constants.ts';
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  formatAddress,
} from '../../../../src/agent/netlink/decode.ts';
import {
  addressBytes,
  encodeChange,
  encodeLinkDump,
  type NetlinkChange,
} from '../../../../src/agent/netlink/encode.ts';
import { decodeHint } from '../../../../src/agent/netlink/events.ts';
import {
  MessageWriter,
  readAttributes,
  readMessages,
  readText,
  readU32,
  setSequence,
  walkAttributes,
} from '../../../../src/agent/netlink/message.ts';
import { decodeRouterRoute, encodeSubstitute, lostRoutes } from '../../../../src/agent/netlink/router-routes.ts';
import { errnoName, readAcknowledgement } from '../../../../src/agent/netlink/socket.ts';

/** The one message that a change is written as. */
function written(change: NetlinkChange) {
  const [message, ...more] = readMessages(encodeChange(change));
  expect(more).toEqual([]);
  if (message === undefined) throw new Error('no message');
  return message;
}

describe('a change is written as the kernel reads it', () => {
  test('a macvlan link', () => {
    const message = written({
      type: 'CreateMacvlan',
      name: 'mvs-test',
      parent: 2,
      mac: '02:5f:00:00:00:01',
      mtu: 1400,
    });
    expect(message).toMatchObject({ type: k.RTM_NEWLINK, flags: 0x605 });
    expect(decodeLink(message.body)).toMatchObject({
      ifindex: 0,
      name: 'mvs-test',
      mac: '02:5f:00:00:00:01',
      mtu: 1400,
      lower: 2,
      kind: 'macvlan',
      macvlanMode: 'bridge',
    });
  });

  test('an address that the node answers for', () => {
    for (const [type, number] of [
      ['AddProxy', k.RTM_NEWNEIGH],
      ['RemoveProxy', k.RTM_DELNEIGH],
    ] as const) {
      const message = written({ type, ifindex: 7, address: 'fd00::1' });
      expect(message.type).toBe(number);
      expect(decodeNeighbour(message.body)).toEqual({
        ifindex: 7,
        family: 'IPv6',
        address: 'fd00::1',
        mac: '',
        isPermanent: false,
        isProxy: true,
      });
    }
  });

  test('a substitute for a default route that the kernel has thrown away', () => {
    const gateway = addressBytes('fe80::fe');
    const route = { ifindex: 2, gateway, metric: 1024, expires: 1800 };
    const [message] = readMessages(encodeSubstitute(route));
    if (message === undefined) throw new Error('no message');
    expect(decodeRoute(message.body)).toMatchObject({ family: 'IPv6', prefixLength: 0, links: [2], metric: 1025 });
    expect(readU32(readAttributes(message.body, 12).get(k.RTA_EXPIRES))).toBe(1800);
    expect(decodeRouterRoute(message.body)).toBeUndefined(); // it is none itself
    expect(lostRoutes([route, { ...route, ifindex: 3 }], [{ ...route, metric: 1 }])).toEqual([
      { ...route, ifindex: 3 },
    ]);
  });

  test('settings of a link, and only those that are given', () => {
    const { body } = written({
      type: 'SetLink',
      ifindex: 7,
      name: 'mvs-test',
      arpFilter: true,
      addressGeneration: 'None',
    });
    expect(body.readUInt32LE(8)).toBe(0);
    const families = readAttributes(readAttributes(body, 16).get(k.IFLA_AF_SPEC));
    const ipv4 = readAttributes(readAttributes(families.get(k.AF_INET)).get(k.IFLA_INET_CONF));
    expect(readU32(ipv4.get(k.IPV4_DEVCONF_ARPFILTER))).toBe(1);
    expect(readAttributes(families.get(k.AF_INET6)).get(k.IFLA_INET6_ADDR_GEN_MODE)?.[0]).toBe(1);
    const up = written({ type: 'SetLink', ifindex: 7, name: 'mvs-test', up: true }).body;
    expect([up.readInt32LE(4), up.readUInt32LE(8), up.readUInt32LE(12)]).toEqual([7, 1, 1]);
    expect(readAttributes(up, 16).size).toBe(0);
  });

  test('altnames', () => {
    const message = written({ type: 'AddAltName', ifindex: 2, name: 'mva-lan' });
    expect(message.type).toBe(k.RTM_NEWLINKPROP);
    const list = readAttributes(message.body, 16).get(k.IFLA_PROP_LIST);
    expect(readText(readAttributes(list).get(k.IFLA_ALT_IFNAME))).toBe('mva-lan');
    expect(written({ type: 'RemoveAltName', ifindex: 2, name: 'mva-lan' }).type).toBe(k.RTM_DELLINKPROP);
  });

  test('addresses, with a flag that makes no route', () => {
    const { body } = written({ type: 'AddAddress', ifindex: 7, address: '10.9.0.1', prefixLength: 32 });
    expect(decodeAddress(body)).toEqual({
      ifindex: 7,
      family: 'IPv4',
      address: '10.9.0.1',
      prefixLength: 32,
      isGlobal: true,
      isSecondary: false,
      isNoPrefixRoute: true,
    });
    const v6 = written({ type: 'RemoveAddress', ifindex: 7, address: 'fe80::1', prefixLength: 64 }).body;
    expect(decodeAddress(v6)).toMatchObject({ family: 'IPv6', address: 'fe80::1', prefixLength: 64 });
  });

  test('routes and neighbours', () => {
    const route = { ifindex: 7, destination: '10.9.0.2', prefixLength: 32, source: '10.9.0.1', metric: 0 };
    const added = written({ type: 'AddRoute', ...route });
    expect(added.flags & k.NLM_F_EXCL).not.toBe(0);
    expect(written({ type: 'ReplaceRoute', ...route }).flags & k.NLM_F_REPLACE).not.toBe(0);
    expect(decodeRoute(added.body)).toEqual({
      family: 'IPv4',
      destination: '10.9.0.2',
      prefixLength: 32,
      links: [7],
      hasGateway: false,
      source: '10.9.0.1',
      metric: 0,
      isLinkScope: true,
      isUnicast: true,
    });
    const { body } = written({ type: 'SetNeighbour', ifindex: 7, address: '10.9.0.2', mac: '02:aa:00:00:00:02' });
    const neighbour = { ifindex: 7, family: 'IPv4', address: '10.9.0.2', mac: '02:aa:00:00:00:02', isPermanent: true };
    expect(decodeNeighbour(body)).toEqual(neighbour);
  });

  test('a request for all links leaves out their counters', () => {
    const [message] = readMessages(encodeLinkDump());
    expect(readU32(readAttributes(message?.body, 16).get(k.IFLA_EXT_MASK))).toBe(k.RTEXT_FILTER_SKIP_STATS);
  });
});

const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes));
const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 }).map((groups) => {
  const bytes = Buffer.alloc(16);
  groups.forEach((group, i) => void bytes.writeUInt16BE(group, 2 * i));
  return bytes;
});

describe('properties of the format', () => {
  test('addresses are read as they were written', () => {
    fc.assert(
      fc.property(fc.oneof(ipv6, sparse, fc.uint8Array({ minLength: 4, maxLength: 4 })), (bytes) => {
        const text = formatAddress(Buffer.from(bytes)) ?? '';
        expect([...addressBytes(text)]).toEqual([...bytes]);
      }),
    );
  });

  test('attributes of any size are read as they were written, nested ones too', () => {
    const attributes = fc.array(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 600 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(attributes, attributes, fc.nat({ max: 0xffff }), (outer, inner, sequence) => {
        const writer = new MessageWriter(16, 5);
        for (const [type, value] of outer) writer.attribute(type, value);
        writer.nest(77, (w) => {
          for (const [type, value] of inner) w.attribute(type, value);
        });
        const data = Buffer.from(writer.finish());
        setSequence(data, sequence);
        const [message, ...more] = readMessages(data);
        expect(more).toEqual([]);
        expect(message?.sequence).toBe(sequence);
        const read = [...walkAttributes(message?.body ?? Buffer.alloc(0), 0)];
        const plain = (list: readonly (readonly [number, Uint8Array])[]) =>
          list.map(([type, value]) => [type, [...value]]);
        expect(plain(read.slice(0, -1))).toEqual(plain(outer));
        expect(plain([...walkAttributes(read.at(-1)?.[1] ?? Buffer.alloc(0), 0)])).toEqual(plain(inner));
      }),
    );
  });

  test('bytes that make no sense are no messages, and never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const data = Buffer.from(bytes);
        for (const message of readMessages(data)) decodeHint(message);
        for (const decode of [decodeLink, decodeAddress, decodeRoute, decodeNeighbour]) decode(data);
        readAcknowledgement({ type: k.NLMSG_ERROR, flags: 0x300, sequence: 1, body: data });
      }),
    );
  });
});

describe('IPv6 text is the canonical one', () => {
  const cases = [
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['fe80::1', `fe80${'0'.repeat(27)}1`],
    ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
    ['1:0:1:1:1:1:1:1', '00010000000100010001000100010001'],
  ] as const;
  test.each(cases)('%s', (text, hex) => {
    expect(formatAddress(Buffer.from(hex, 'hex'))).toBe(text);
  });
});

describe('an acknowledgement', () => {
  function error(errno: number, text?: string) {
    const words =
      text === undefined
        ? Buffer.alloc(0)
        : new MessageWriter(0, 0).text(k.NLMSGERR_ATTR_MSG, text).finish().subarray(16);
    const head = Buffer.alloc(20);
    head.writeInt32LE(-errno, 0);
    const flags = text === undefined ? k.NLM_F_CAPPED : k.NLM_F_CAPPED | k.NLM_F_ACK_TLVS;
    return { type: k.NLMSG_ERROR, flags, sequence: 1, body: Buffer.concat([head, words]) };
  }

  test('without an error is nothing', () => {
    expect(readAcknowledgement(error(0))).toBeUndefined();
  });

  test('has the name of the error, and the words of the kernel where it has any', () => {
    expect(readAcknowledgement(error(17))).toMatchObject({ code: 'EEXIST', message: 'EEXIST' });
    const told = readAcknowledgement(error(22, 'Invalid prefix for given prefix length'));
    expect(told).toMatchObject({ code: 'EINVAL', message: 'Invalid prefix for given prefix length' });
  });

  test('with a number that nobody knows is told by its number', () => {
    expect(errnoName(9999)).toMatch(/9999/);
  });
});

describe('hints', () => {
  const message = (type: number, change: NetlinkChange) => ({
    type,
    flags: 0,
    sequence: 0,
    body: written(change).body,
  });
  const route = { ifindex: 7, destination: '10.9.0.2', prefixLength: 32, metric: 0 } as const;

  test('tell which link they are about', () => {
    const link = message(k.RTM_DELLINK, {
      type: 'CreateMacvlan',
      name: 'mvs-x',
      parent: 2,
      mac: '02:5f:00:00:00:01',
      mtu: 1500,
    });
    expect(decodeHint(link)).toMatchObject({ type: 'Link', name: 'mvs-x', isGone: true, isPodLink: false });
    expect(decodeHint(message(k.RTM_NEWROUTE, { type: 'AddRoute', ...route }))).toEqual({
      type: 'Route',
      links: [7],
      isDefault: false,
    });
  });

  test('tell who did it, where the kernel does', () => {
    const made = message(k.RTM_NEWROUTE, { type: 'AddRoute', ...route });
    expect(decodeHint({ ...made, port: 1234 })).toMatchObject({ type: 'Route', by: 1234 });
    expect(decodeHint({ ...made, port: 0 })).not.toHaveProperty('by');
  });

  test('are not made of routes that no decision looks at', () => {
    expect(decodeHint(message(k.RTM_NEWROUTE, { type: 'AddRoute', ...route, prefixLength: 24 }))).toBeUndefined();
    const other = written({ type: 'AddRoute', ...route }).body;
    other.writeUInt8(100, 4);
    expect(decodeHint({ type: k.RTM_NEWROUTE, flags: 0, sequence: 0, body: other })).toBeUndefined();
  });

  test('are not made of what bridges say about their ports', () => {
    const body = written({ type: 'SetLink', ifindex: 7, name: 'x', up: true }).body;
    body.writeUInt8(7, 0);
    expect(decodeHint({ type: k.RTM_NEWLINK, flags: 0, sequence: 0, body })).toBeUndefined();
  });
});
