// Requests over a socket that a test answers: who gets which answer, and what happens when answers are lost.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Addon, NativeCallback } from '../../../../src/agent/netlink/addon.ts';
import { NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, RTM_NEWLINK } from '../../../../src/agent/netlink/constants.ts';
import { encodeLinkDump } from '../../../../src/agent/netlink/encode.ts';
import { MessageWriter, readMessages, setSequence } from '../../../../src/agent/netlink/message.ts';
import { NetlinkNetwork } from '../../../../src/agent/netlink/network.ts';
import { RequestSocket } from '../../../../src/agent/netlink/socket.ts';
import { until } from '../../../support/until.ts';

let folder: string;
let file: string;
let fd: number;
let tell: NativeCallback = () => {};
let closed = 0;

/** Writes go to a file, where the test reads them; answers come from the test. */
const addon: Addon = {
  open: (_groups, _receiveBuffer, callback) => {
    tell = callback;
    return { fd };
  },
  openDiag: () => ({ fd }),
  openArp: () => ({ fd }),
  openMessages: () => ({ fd, peer: fd }),
  announceIn: () => {},
  close: () => {
    closed += 1;
  },
  ref: () => {},
  unref: () => {},
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlink-socket-'));
  file = join(folder, 'written');
  fd = openSync(file, 'a');
  closed = 0;
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** The numbers of the requests that were written, once there are so many. */
async function sequences(count: number): Promise<readonly number[]> {
  const read = () => [...readMessages(readFileSync(file))].map((message) => message.sequence);
  await until('the requests are written', () => read().length >= count);
  return read();
}

function message(type: number, sequence: number, init: { flags?: number; body?: Buffer } = {}): Buffer {
  const data = new MessageWriter(type, init.flags ?? 0).bytes(init.body ?? Buffer.alloc(4)).finish();
  setSequence(data, sequence);
  return data;
}

function errorBody(errno: number): Buffer {
  const body = Buffer.alloc(20);
  body.writeInt32LE(-errno, 0);
  return body;
}

const request = () => new MessageWriter(RTM_NEWLINK, 5).finish();

describe('a batch', () => {
  test('gets each answer in the order of its messages, whatever the order of the answers', async () => {
    const socket = new RequestSocket(addon);
    const answers = socket.send([request(), request(), request()]);
    const [one = 0, two = 0, three = 0] = await sequences(3);
    tell(0, Buffer.concat([message(NLMSG_ERROR, three, { body: errorBody(17) }), message(NLMSG_ERROR, one)]));
    tell(0, message(NLMSG_ERROR, two, { body: errorBody(1) }));
    expect((await answers).map((answer) => answer?.code)).toEqual([undefined, 'EPERM', 'EEXIST']);
  });

  test('fails as a whole when the kernel dropped answers', async () => {
    const socket = new RequestSocket(addon);
    const answers = socket.send([request(), request()]);
    const [one = 0] = await sequences(2);
    tell(0, message(NLMSG_ERROR, one));
    tell(105, undefined);
    expect((await answers).map((answer) => answer?.code)).toEqual([undefined, 'ENOBUFS']);
  });

  test('that is large goes in several writes, in order', async () => {
    const socket = new RequestSocket(addon);
    const messages = Array.from({ length: 300 }, () =>
      new MessageWriter(RTM_NEWLINK, 5).bytes(Buffer.alloc(400)).finish(),
    );
    const answers = socket.send(messages);
    const numbers = await sequences(300);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    for (const number of numbers) tell(0, message(NLMSG_ERROR, number));
    expect((await answers).every((answer) => answer === undefined)).toBe(true);
  });

  test('of nothing is answered at once', async () => {
    expect(await new RequestSocket(addon).send([])).toEqual([]);
  });
});

describe('a dump', () => {
  test('hands over its own messages and says whether it was disturbed', async () => {
    const socket = new RequestSocket(addon);
    const seen: number[] = [];
    const dump = socket.dump(encodeLinkDump(), (m) => void seen.push(m.type));
    const [number = 0] = await sequences(1);
    tell(0, Buffer.concat([message(RTM_NEWLINK, number), message(RTM_NEWLINK, number + 7)]));
    tell(0, Buffer.concat([message(RTM_NEWLINK, number, { flags: NLM_F_DUMP_INTR }), message(NLMSG_DONE, number)]));
    expect(await dump).toBe(false);
    expect(seen).toEqual([RTM_NEWLINK, RTM_NEWLINK]);
  });

  test('rejects with the error of the kernel', async () => {
    const socket = new RequestSocket(addon);
    const dump = socket.dump(encodeLinkDump(), () => {});
    const [number = 0] = await sequences(1);
    tell(0, message(NLMSG_ERROR, number, { body: errorBody(1) }));
    await expect(dump).rejects.toMatchObject({ code: 'EPERM' });
  });

  test('waits for the one before it', async () => {
    const socket = new RequestSocket(addon);
    const order: string[] = [];
    const first = socket.dump(encodeLinkDump(), () => {}).then(() => order.push('first'));
    const second = socket.dump(encodeLinkDump(), () => {}).then(() => order.push('second'));
    const [one = 0] = await sequences(1);
    expect(await sequences(1)).toHaveLength(1);
    tell(0, message(NLMSG_DONE, one));
    const [, two = 0] = await sequences(2);
    tell(0, message(NLMSG_DONE, two));
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });
});

test('a socket that is closed fails what waits and what comes, and closes once', async () => {
  const socket = new RequestSocket(addon);
  const waiting = socket.send([request()]);
  await sequences(1);
  await Promise.all([socket.close(), socket.close()]);
  expect((await waiting)[0]?.code).toBe('EBADF');
  expect((await socket.send([request()]))[0]?.code).toBe('EBADF');
  expect(closed).toBe(1);
});

describe('a look at the network', () => {
  /** Answers dump after dump as empty, the first so many as disturbed, until the look is over. */
  async function answerAll(look: Promise<unknown>, disturbed: number): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    look.then(over, over);
    for (let count = 1; !isOver; count++) {
      const known = await Promise.race([
        sequences(count),
        look.then(
          () => [],
          () => [],
        ),
      ]);
      const number = known[count - 1];
      if (number === undefined) return;
      tell(0, message(NLMSG_DONE, number, { flags: count <= disturbed ? NLM_F_DUMP_INTR : 0 }));
    }
  }

  test('is made again where it was disturbed', async () => {
    const look = new NetlinkNetwork(addon).read();
    await answerAll(look, 3);
    expect(await look).toEqual({ links: [], addresses: [], routes: [], neighbours: [] });
  });

  test('rejects when it was disturbed each time, rather than tell a part of the truth', async () => {
    const look = new NetlinkNetwork(addon).read();
    const outcome = expect(look).rejects.toThrow('changed during each of 4 looks');
    await answerAll(look, 100);
    await outcome;
  });
});
