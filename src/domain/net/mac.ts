// Ethernet addresses as text: one form for comparing, and addresses of our own making.

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;

/** Lower case with colons, from the spellings that CNI tools accept (colons or dashes); nothing when it is no address. */
export function parseMac(text: string): string | undefined {
  const mac = text.trim().toLowerCase().replaceAll('-', ':');
  return MAC.test(mac) ? mac : undefined;
}

/**
 * The unicast, locally administered address made of the low 46 bits of `bits`: it can belong to no vendor and to no group.
 */
export function localMac(bits: bigint): string {
  const octets: string[] = [];
  for (let i = 0; i < 6; i++)
    octets.unshift(
      Number((bits >> BigInt(8 * i)) & 0xffn)
        .toString(16)
        .padStart(2, '0'),
    );
  const first = (Number.parseInt(octets[0] ?? '0', 16) & 0xfc) | 0x02;
  return [first.toString(16).padStart(2, '0'), ...octets.slice(1)].join(':');
}
