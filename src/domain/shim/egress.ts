// To whom a shim may send: its pods and nobody else. As a program of the kernel's packet filter (classic BPF) that looks at the
// destination of each frame; the rest of the LAN then cannot see the shim at all.

/** One instruction, with the kernel's names. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Beyond this many pods the program would be too long for the kernel. */
export const EGRESS_MAX = 800;

const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
/** Verdicts of traffic control. */
const PASS = 0;
const DROP = 2;
const PER_MAC = 5;

/** The program that lets frames to these MAC addresses pass and drops all others. */
export function programFor(macs: readonly string[]): readonly Instruction[] {
  const op = (code: number, k: number, jf = 0): Instruction => ({ code, jt: 0, jf, k });
  const perMac = macs.flatMap((mac) => {
    const [first = 0, last = 0] = halvesOf(mac);
    // A jump skips as many instructions as jf says when what was loaded differs: to the next address.
    return [
      op(LOAD_WORD, 0),
      op(JUMP_IF_EQUAL, first, 3),
      op(LOAD_HALF, 4),
      op(JUMP_IF_EQUAL, last, 1),
      op(RETURN, PASS),
    ];
  });
  return [...perMac, op(RETURN, DROP)];
}

/** The addresses of a program that {@link programFor} made; nothing for any other. */
export function macsOf(program: readonly Instruction[]): readonly string[] | undefined {
  const macs: string[] = [];
  for (let at = 0; at + PER_MAC < program.length; at += PER_MAC) {
    macs.push(macFrom(program[at + 1]?.k ?? 0, program[at + 3]?.k ?? 0));
  }
  return JSON.stringify(programFor(macs)) === JSON.stringify(program) ? macs : undefined;
}

/** The first four octets and the last two, as numbers. */
function halvesOf(mac: string): readonly [number, number] {
  const digits = mac.replaceAll(':', '');
  return [Number.parseInt(digits.slice(0, 8), 16), Number.parseInt(digits.slice(8), 16)];
}

function macFrom(first: number, last: number): string {
  const digits = first.toString(16).padStart(8, '0') + last.toString(16).padStart(4, '0');
  return (digits.match(/../g) ?? []).join(':');
}
