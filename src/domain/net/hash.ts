// Spreads texts over numbers, for names and addresses that must come out the same every time. Not for secrets.

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * 64-bit FNV-1a over the low byte of each character, with a final mix, so that texts that differ in their last character
 * differ in all bits.
 */
export function hash64(text: string): bigint {
  let hash = OFFSET;
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i) & 0xff)) * PRIME);
  }
  hash = BigInt.asUintN(64, (hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn);
  hash = BigInt.asUintN(64, (hash ^ (hash >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return hash ^ (hash >> 33n);
}

/** The low bits of `bits` as that many characters of a-z and 2-7. */
export function base32(bits: bigint, characters: number): string {
  let rest = bits;
  let out = '';
  for (let i = 0; i < characters; i++) {
    out += BASE32[Number(rest & 31n)];
    rest >>= 5n;
  }
  return out;
}
