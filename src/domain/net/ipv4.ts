// Dotted IPv4 addresses as numbers, and back.

/** The dot's place among characters, counted from the digit 0. */
const DOT = -2;

/**
 * The address as a number from 0 to 2^32-1; nothing when the text is no dotted IPv4 address. Character by character: a restart with ten
 * thousand identities reads as many addresses several times.
 */
export function parseIPv4(text: string): number | undefined {
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
  return parts === 4 && digits > 0 ? value * 256 + part : undefined;
}

/** The inverse of {@link parseIPv4}. */
export function formatIPv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
