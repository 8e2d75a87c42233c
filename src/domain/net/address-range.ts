// Addresses as numbers, as far as the checks of ranges need them: is this inside that, do these two meet.
export interface Address {
  readonly family: 'IPv4' | 'IPv6';
  readonly value: bigint;
}

/** The dot's place among characters, counted from the digit 0. */
const DOT = -2;

/** Both ends count. */
export interface AddressRange {
  readonly family: Address['family'];
  readonly first: bigint;
  readonly last: bigint;
}

/** An address in any spelling that Kubernetes accepts; nothing when it is none. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 'IPv6' : 'IPv4', value };
}

/** A subnet such as 192.168.1.0/24, as the range of all its addresses; nothing when it is none, or has host bits set. */
export function parseSubnet(text: string): AddressRange | undefined {
  const [address, length, ...rest] = text.split('/');
  const base = parseAddress(address ?? '');
  if (base === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length ?? '')) return undefined;
  const bits = base.family === 'IPv4' ? 32 : 128;
  const hostBits = bits - Number(length);
  if (hostBits < 0) return undefined;
  const size = 1n << BigInt(hostBits);
  if (base.value % size !== 0n) return undefined;
  return { family: base.family, first: base.value, last: base.value + size - 1n };
}

export function holds(range: AddressRange, address: Address): boolean {
  return range.family === address.family && range.first <= address.value && address.value <= range.last;
}

export function overlap(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Character by character: a restart with ten thousand identities reads as many addresses several times. */
function parseV4(text: string): bigint | undefined {
  let [value, part, digits, parts] = [0, 0, 0, 1];
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit === DOT && digits > 0) {
      value = value * 256 + part;
      [part, digits, parts] = [0, 0, parts + 1];
      continue;
    }
    // A zero in front makes an octal number of it to some.
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + digit;
    digits += 1;
    if (part > 255) return undefined;
  }
  return parts === 4 && digits > 0 ? BigInt(value * 256 + part) : undefined;
}

function parseV6(text: string): bigint | undefined {
  const halves = withV4TailAsHex(text).split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = (head?.length ?? 0) + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const groups = [...(head ?? []), ...Array<string>(8 - given).fill('0'), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** `::ffff:192.0.2.1` → `::ffff:c000:201`; other text as it is. */
function withV4TailAsHex(text: string): string {
  const cut = text.lastIndexOf(':') + 1;
  const tail = text.slice(cut);
  const value = tail.includes('.') ? parseV4(tail) : undefined;
  if (value === undefined) return text;
  return `${text.slice(0, cut)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
