// Cases of the native addon, each in a process of its own inside a namespace: what it prints and how it ends is the result.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Addon, loadAddon } from '../../../src/agent/netlink/addon.ts';
import { listen } from '../../../src/agent/netlink/events.ts';
import { NetlinkNetwork } from '../../../src/agent/netlink/network.ts';

const [, program = '', path = '', name = ''] = process.argv;
const addon: Addon = loadAddon(path);
const say = (text: string): void => void writeSync(1, `${text}\n`);
const turn = () => new Promise((resolve) => setImmediate(resolve));

const cases: Readonly<Record<string, () => Promise<void>>> = {
  /** A listener that throws is an uncaught exception, and the socket goes on. */
  async throws() {
    process.on('uncaughtException', (error) => say(`uncaught ${error.message}`));
    const network = new NetlinkNetwork(addon);
    let count = 0;
    const stop = listen(addon, () => {
      count += 1;
      if (count === 1) throw new Error('from the callback');
    });
    await network.apply([{ type: 'AddAltName', ifindex: 1, name: 'one' }]);
    await network.apply([{ type: 'AddAltName', ifindex: 1, name: 'two' }]);
    while (count < 2) await turn();
    say('goes on');
    stop();
    await network.close();
  },

  /** A listener that closes its own socket in the middle of a storm is not called again. */
  async closesInside() {
    const network = new NetlinkNetwork(addon);
    let count = 0;
    const stop = listen(addon, () => {
      count += 1;
      stop();
    });
    for (let i = 0; i < 5; i++) await network.apply([{ type: 'AddAltName', ifindex: 1, name: `name${i}` }]);
    await turn();
    say(`called ${count}`);
    await network.close();
  },

  /** Events that do not fit are told as lost, and later ones are heard. The loop is kept busy, so that nobody reads. */
  async overflows() {
    const network = new NetlinkNetwork(addon);
    let isLost = false;
    let heard = 0;
    const small = addon.open(1, 2048, (errno) => {
      if (errno === 105) isLost = true;
      else heard += 1;
    });
    const changes = Array.from({ length: 200 }, (_, i) => ({ type: 'AddAltName', ifindex: 1, name: `n${i}` }) as const);
    const done = network.apply(changes);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    // The write is made by another thread meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    await done;
    for (let i = 0; i < 100 && !isLost; i++) await turn();
    heard = 0;
    await network.apply([{ type: 'AddAltName', ifindex: 1, name: 'later' }]);
    for (let i = 0; i < 100 && heard === 0; i++) await turn();
    say(`lost ${isLost}, heard later ${heard > 0}`);
    addon.close(small);
    await network.close();
  },

  /** A socket that is unreferenced keeps no process alive. */
  async unref() {
    const socket = addon.open(1, 65536, () => {});
    addon.unref(socket);
    say('ends');
  },

  /** A socket that is referenced again does. */
  async ref() {
    const socket = addon.open(1, 65536, () => {});
    addon.unref(socket);
    addon.ref(socket);
    setTimeout(() => {
      say('still there');
      addon.close(socket);
      addon.close(socket); // twice is harmless
    }, 50).unref();
  },

  /** A worker that ends with sockets open takes nothing down. */
  async worker() {
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(program, { argv: [path, 'inWorker'] });
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
    }
    say('workers ended');
  },

  async inWorker() {
    const { parentPort } = await import('node:worker_threads');
    const network = new NetlinkNetwork(addon);
    listen(addon, () => {});
    await network.read();
    parentPort?.postMessage('ready');
  },

  /** Sockets that nobody holds any more are collected with everything of theirs. */
  async collects() {
    for (let i = 0; i < 300; i++) {
      const socket = addon.open(1, 65536, () => {});
      addon.close(socket);
      if (i % 50 === 0) await turn();
    }
    await turn();
    globalThis.gc?.();
    await turn();
    say(`rss ${Math.round(process.memoryUsage().rss / 1024 / 1024) < 150}`);
  },

  /** Every argument of every function, one after another, as it must not be: each is refused with an exception. */
  async wrongUse() {
    const good = addon.open(1, 65536, () => {});
    // Objects of other addons, and such as look like a socket.
    const foreign = [
      {},
      { fd: 3 },
      Object.create(good),
      new Proxy(good, {}),
      new Uint8Array(8),
      detached(),
      null,
      7,
      'x',
    ];
    const notWhole = [-1, -(2 ** 31), 0.5, 2 ** 53, 2 ** 32, NaN, Infinity, '1', 1n, null, {}, detached(), Symbol('s')];
    const calls: unknown[][] = [
      ['open'],
      ['open', 1, 65536],
      ['openArp'],
      ['openArp', 1],
      ['openMessages'],
      ['openDiag'],
      ['close'],
      ['ref'],
      ['unref'],
    ];
    calls.push(['openArp', 0, () => {}], ['announceIn'], ['announceIn', 1], ['announceIn', 1, 7]);
    for (const path of [
      '',
      '/ndisc_notify',
      '/x/forwarding',
      '/x/ndisc_notify\0',
      `${'/x'.repeat(4096)}/ndisc_notify`,
    ]) {
      calls.push(['announceIn', 1, path]);
    }
    for (const bad of notWhole) {
      calls.push(['open', bad, 65536, () => {}], ['open', 1, bad, () => {}], ['open', 1, 65536, () => {}, bad]);
      calls.push(['openArp', bad, () => {}], ['announceIn', bad, '/x/ndisc_notify']);
    }
    for (const bad of [...foreign, undefined]) {
      calls.push(['openArp', 1, bad], ['openMessages', bad], ['openDiag', bad]);
      calls.push(['open', 1, 65536, bad], ['close', bad], ['ref', bad], ['unref', bad]);
    }
    const wrong = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
    const before = descriptors();
    for (const [method, ...args] of calls) {
      try {
        wrong[String(method)]?.(...args);
        say(`${String(method)}(${args.map(String).join(', ')}) went through`);
      } catch (error) {
        if (!(error instanceof TypeError)) say(`${String(method)}(${args.map(String).join(', ')}): ${String(error)}`);
      }
    }
    const getter = Object.getOwnPropertyDescriptor(good, 'fd')?.get;
    for (const bad of foreign) {
      try {
        say(`a descriptor of ${String(bad)}: ${getter?.call(bad)}`);
      } catch {
        // As it should be.
      }
    }
    say(`${calls.length} calls, ${descriptors() - before} sockets left open`);
    // A descriptor that is open and no namespace, one that is not open, links that are not there: errors of the kernel.
    const refused = [
      () => addon.open(1, 65536, () => {}, 0),
      () => addon.open(1, 65536, () => {}, 2 ** 31 - 1),
      () => addon.announceIn(1, '/x/ndisc_notify'),
      () => addon.openArp(4711, () => {}),
      () => addon.openArp(2 ** 31 - 1, () => {}),
    ];
    for (const call of refused) say(outcomeOf(call));
    addon.close(good);
    addon.ref(good);
    addon.unref(good);
    addon.close(good);
    say(`closed: ${good.fd}`);
  },

  /** ARP on `lo`: a question that is written there is not heard, an answer is, and other frames are not. */
  async arp() {
    await new NetlinkNetwork(addon).apply([{ type: 'SetLink', ifindex: 1, name: 'lo', up: true }]);
    const heard: number[] = [];
    const socket = addon.openArp(1, (_errno, frame) => heard.push(frame?.readUInt16BE(20) ?? -1));
    const arp = (type: number, operation: number): Buffer => {
      const frame = Buffer.alloc(60);
      frame.writeUInt16BE(type, 12);
      frame.writeUInt16BE(operation, 20);
      return frame;
    };
    for (const frame of [arp(0x0806, 1), arp(0x0800, 2), arp(0x0806, 2)]) writeSync(socket.fd, frame);
    for (let i = 0; i < 1000 && heard.length === 0; i++) await turn();
    say(`heard ${heard.join()}`);
    addon.close(socket);
    process.exit();
  },

  /** What a child writes comes write by write, however fast, and line breaks in it make no difference. */
  async messages() {
    const heard: string[] = [];
    const socket = addon.openMessages((_errno, message) => heard.push(message?.toString() ?? 'error'));
    const words = `const { writeSync } = require('fs'); for (const i of [1, 2, 3]) writeSync(2, i + ' one\\n' + i + ' two\\n');`;
    const child = spawn(process.execPath, ['-e', words], { stdio: ['ignore', 'ignore', socket.peer] });
    closeSync(socket.peer);
    await once(child, 'exit');
    while (heard.length < 3) await turn();
    say(JSON.stringify(heard));
    addon.close(socket);
  },

  /** The kernel's answers do not go through a callback that took away what the addon works with. */
  async reentry() {
    const network = new NetlinkNetwork(addon);
    let count = 0;
    const socket = addon.open(1, 65536, () => {
      count += 1;
      // From inside its own callback: another socket, this one closed, memory moved.
      addon.close(addon.open(1, 65536, () => {}));
      globalThis.gc?.();
      if (count === 3) addon.close(socket);
    });
    for (let i = 0; i < 6; i++) await network.apply([{ type: 'AddAltName', ifindex: 1, name: `name${i}` }]);
    await turn();
    say(`called ${count}`);
    await network.close();
  },
};

function outcomeOf(call: () => unknown): string {
  try {
    return `went through: ${String(call())}`;
  } catch (error) {
    return String(error);
  }
}

/** A buffer whose memory was taken away. */
function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

await cases[name]?.();
