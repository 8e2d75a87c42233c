// Who a shim may send to, as a program: read back as it was written, and run as the kernel runs it.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EGRESS_MAX, type Instruction, macsOf, programFor } from '../../../../src/domain/shim/egress.ts';

const mac = fc.array(fc.nat({ max: 255 }), { minLength: 6, maxLength: 6 }).map(textOf);

function textOf(octets: readonly number[]): string {
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** The verdict on a frame to this address: a few lines of the kernel's interpreter. */
function verdict(program: readonly Instruction[], destination: string): number {
  const frame = Buffer.from(destination.replaceAll(':', ''), 'hex');
  let loaded = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at] ?? { code: 0, jt: 0, jf: 0, k: 0 };
    if (code === 0x06) return k;
    if (code === 0x20) loaded = frame.readUInt32BE(k);
    else if (code === 0x28) loaded = frame.readUInt16BE(k);
    else at += loaded === k ? jt : jf;
  }
  throw new Error('the program does not end');
}

describe('the program', () => {
  test('lets frames to its addresses pass and drops all others', () => {
    fc.assert(
      fc.property(fc.array(mac, { maxLength: 20 }), mac, (macs, other) => {
        const program = programFor(macs);
        for (const known of macs) expect(verdict(program, known)).toBe(0);
        expect(verdict(program, other)).toBe(macs.includes(other) ? 0 : 2);
        expect(verdict(program, '33:33:ff:00:00:01')).toBe(macs.includes('33:33:ff:00:00:01') ? 0 : 2);
      }),
    );
  });

  test('tells its addresses, and a program of somebody else tells none', () => {
    fc.assert(fc.property(fc.array(mac, { maxLength: 20 }), (macs) => expect(macsOf(programFor(macs))).toEqual(macs)));
    expect(macsOf([{ code: 6, jt: 0, jf: 0, k: 0 }])).toBeUndefined();
    expect(macsOf([])).toBeUndefined();
  });

  test('fits into the kernel with as many addresses as it may have', () => {
    expect(programFor(Array(EGRESS_MAX).fill('02:00:00:00:00:01')).length).toBeLessThanOrEqual(4096);
  });
});
