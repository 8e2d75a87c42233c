// The question of a probe, byte by byte, and what counts as its answer.
import { describe, expect, test } from '@jest/globals';
import { encodeArpProbe, isAnswer } from '../../../../src/agent/probe/arp.ts';

const MAC = '02:aa:bb:cc:dd:ee';
const GATEWAY = '192.0.2.254';

/** A reply: from whom, to which MAC address. */
function reply(change: (frame: Buffer) => void = () => {}): Buffer {
  const frame = Buffer.from(
    [
      '02aabbccddee 525400000002 0806', // to us, from the gateway, ARP
      '0001 0800 06 04 0002', // Ethernet, IPv4, lengths, reply
      '525400000002 c00002fe', // the gateway
      '02aabbccddee 00000000', // us, without an address
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  );
  change(frame);
  return frame;
}

test('a question goes to everybody, and names no address of its sender', () => {
  const frame = encodeArpProbe(MAC, GATEWAY);
  expect(frame.toString('hex')).toBe(
    [
      'ffffffffffff 02aabbccddee 0806',
      '0001 0800 06 04 0001',
      '02aabbccddee 00000000',
      '000000000000 c00002fe',
      '00'.repeat(18), // to the shortest length that a frame may have
    ]
      .join('')
      .replaceAll(' ', ''),
  );
});

describe('an answer', () => {
  test('is a reply of that address to that MAC address', () => {
    expect(isAnswer(reply(), MAC, GATEWAY)).toBe(true);
    expect(isAnswer(Buffer.concat([reply(), Buffer.alloc(18)]), MAC, GATEWAY)).toBe(true);
  });

  test.each<[string, Buffer]>([
    ['a question', reply((frame) => frame.writeUInt16BE(1, 20))],
    ['a reply of somebody else', reply((frame) => frame.writeUInt8(1, 31))],
    ['a reply to somebody else', reply((frame) => frame.writeUInt8(1, 37))],
    ['no ARP', reply((frame) => frame.writeUInt16BE(0x0800, 12))],
    ['cut off', reply().subarray(0, 41)],
    ['empty', Buffer.alloc(0)],
  ])('is not %s', (_, frame) => {
    expect(isAnswer(frame, MAC, GATEWAY)).toBe(false);
  });
});
