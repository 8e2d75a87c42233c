// The filter on what leaves a shim, as messages of the kernel's traffic control.
import { type Instruction, macsOf, programFor } from '../../domain/shim/egress.ts';
import * as k from './constants.ts';
import { MessageWriter, readAttributes, readText } from './message.ts';

const HEADER = 20;
const INSTRUCTION = 8;
const KIND = 'bpf';
/** One filter per link, always in the same place: a new one takes the place of the old. */
const HANDLE = 1;
const PRIORITY = 1;
/** ETH_P_ALL in network order. */
const ALL_PROTOCOLS = 0x0300;

/** Makes the place where filters of outgoing frames hang. Refused with EEXIST when it is there. */
export function encodeFilterPlace(ifindex: number): Buffer {
  const header = headerFor(ifindex, k.TC_H_CLSACT_MAJOR, k.TC_H_CLSACT);
  return new MessageWriter(k.RTM_NEWQDISC, k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_EXCL)
    .bytes(header)
    .text(k.TCA_KIND, 'clsact')
    .finish();
}

/** Lets frames to these MAC addresses leave, and no others. */
export function encodeFilter(ifindex: number, macs: readonly string[]): Buffer {
  const program = programFor(macs);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(program.length);
  return new MessageWriter(k.RTM_NEWTFILTER, k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE)
    .bytes(headerFor(ifindex, HANDLE, k.TC_H_EGRESS, (PRIORITY << 16) | ALL_PROTOCOLS))
    .text(k.TCA_KIND, KIND)
    .nest(k.TCA_OPTIONS, (w) => {
      w.attribute(k.TCA_BPF_OPS_LEN, length);
      w.attribute(k.TCA_BPF_OPS, bytesOf(program));
      w.u32(k.TCA_BPF_FLAGS, k.TCA_BPF_FLAG_ACT_DIRECT);
    })
    .finish();
}

/** Asks for the filters of what leaves the link. */
export function encodeFilterDump(ifindex: number): Buffer {
  return new MessageWriter(k.RTM_GETTFILTER, k.NLM_F_REQUEST | k.NLM_F_DUMP)
    .bytes(headerFor(ifindex, 0, k.TC_H_EGRESS))
    .finish();
}

/** The addresses that a filter lets pass, from the body of RTM_NEWTFILTER; nothing when it is none of ours. */
export function decodeFilter(body: Buffer): readonly string[] | undefined {
  if (body.length < HEADER || body.readUInt32LE(8) !== HANDLE) return undefined;
  const attributes = readAttributes(body, HEADER);
  const ops = readAttributes(attributes.get(k.TCA_OPTIONS)).get(k.TCA_BPF_OPS);
  return readText(attributes.get(k.TCA_KIND)) === KIND && ops !== undefined ? macsOf(programFrom(ops)) : undefined;
}

/** struct tcmsg. */
function headerFor(ifindex: number, handle: number, parent: number, info = 0): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeInt32LE(ifindex, 4);
  header.writeUInt32LE(handle, 8);
  header.writeUInt32LE(parent, 12);
  header.writeUInt32LE(info, 16);
  return header;
}

/** An array of struct sock_filter. */
function bytesOf(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * INSTRUCTION);
  program.forEach(({ code, jt, jf, k: value }, i) => {
    bytes.writeUInt16LE(code, i * INSTRUCTION);
    bytes.writeUInt8(jt, i * INSTRUCTION + 2);
    bytes.writeUInt8(jf, i * INSTRUCTION + 3);
    bytes.writeUInt32LE(value, i * INSTRUCTION + 4);
  });
  return bytes;
}

function programFrom(bytes: Buffer): readonly Instruction[] {
  return Array.from({ length: Math.floor(bytes.length / INSTRUCTION) }, (_, i) => ({
    code: bytes.readUInt16LE(i * INSTRUCTION),
    jt: bytes.readUInt8(i * INSTRUCTION + 2),
    jf: bytes.readUInt8(i * INSTRUCTION + 3),
    k: bytes.readUInt32LE(i * INSTRUCTION + 4),
  }));
}
