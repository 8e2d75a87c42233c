// The real Multus writes pods and events in Kubernetes' protobuf form; this reads the few fields that the tests look at.

/** The four bytes that a protobuf body of the Kubernetes API starts with. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

export function isProtobuf(body: Buffer): boolean {
  return body.subarray(0, 4).equals(MAGIC);
}

/** A pod's annotations. */
export function annotationsIn(body: Buffer): Record<string, string> {
  const metadata = fields(objectOf(body)).get(1)?.[0] ?? Buffer.alloc(0);
  const entries = (fields(metadata).get(12) ?? []).map((entry) => fields(entry));
  return Object.fromEntries(entries.map((entry) => [text(entry.get(1)), text(entry.get(2))]));
}

/** An event's type, reason and message. */
export function eventIn(body: Buffer): { type: string; reason: string; message: string } {
  const event = fields(objectOf(body));
  return { type: text(event.get(9)), reason: text(event.get(3)), message: text(event.get(4)) };
}

function objectOf(body: Buffer): Buffer {
  return fields(body.subarray(MAGIC.length)).get(2)?.[0] ?? Buffer.alloc(0);
}

function text(values: readonly Buffer[] | undefined): string {
  return values?.[0]?.toString() ?? '';
}

/** Length-delimited fields by number; numbers are stepped over. */
function fields(message: Buffer): Map<number, Buffer[]> {
  const all = new Map<number, Buffer[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const size = varint();
      const number = Math.floor(tag / 8);
      all.set(number, [...(all.get(number) ?? []), message.subarray(at, at + size)]);
      at += size;
    }
  }
  return all;
}
