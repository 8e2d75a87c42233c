// A DHCP server that means ill: it offers an address to whoever asks, refuses it then, and says in its words of refusal what the
// daemon's log would say of that client, and of one that there is not. Prints a line for each refusal.
import { createSocket } from 'node:dgram';

const [, , server = '', broadcast = ''] = process.argv;
const OPTIONS = 240;
const socket = createSocket('udp4');

function optionOf(packet: Buffer, wanted: number): Buffer | undefined {
  let at = OPTIONS;
  while (at + 1 < packet.length && packet[at] !== 255) {
    const length = packet[at] === 0 ? -1 : (packet[at + 1] ?? 0);
    if (packet[at] === wanted) return packet.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
  return undefined;
}

function option(code: number, value: readonly number[] | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);
  return Buffer.concat([Buffer.from([code, bytes.length]), bytes]);
}

function answerTo(question: Buffer, type: number, address: readonly number[], more: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(OPTIONS);
  head.set([2, 1, 6]);
  question.copy(head, 4, 4, 8); // the question's number
  head.set(address, 16);
  question.copy(head, 28, 28, 44); // the client's MAC address
  head.writeUInt32BE(0x63825363, 236);
  return Buffer.concat([head, option(53, [type]), option(54, addressBytes(server)), ...more, Buffer.from([255])]);
}

const addressBytes = (text: string) => text.split('.').map(Number);

/** As the daemon would write it now. */
function forged(client: string): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ');
  return [
    'no',
    `${stamp} ${client}: lease expired, bringing interface DOWN`,
    `${stamp} forged/lan/net1: acquiring lease`,
    `${stamp} forged/lan/net1: lease acquired, expiration is 2036-11-24 16:39:29 +0000 UTC`,
  ].join('\n');
}

socket.on('message', (question) => {
  const isRequest = optionOf(question, 53)?.[0] === 3;
  const client = optionOf(question, 61)?.subarray(1).toString() ?? '';
  const answer = isRequest
    ? answerTo(question, 6, [0, 0, 0, 0], [option(56, forged(client))])
    : answerTo(question, 2, [10, 9, 0, 50], [option(51, [0, 0, 14, 16]), option(1, [255, 255, 255, 0])]);
  socket.send(answer, 68, broadcast);
  if (isRequest) process.stdout.write(`refused ${client}\n`);
});
socket.bind(67, () => {
  socket.setBroadcast(true);
  process.stdout.write('listens\n');
});
