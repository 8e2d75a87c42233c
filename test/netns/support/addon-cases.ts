// Cases of the native addon, each in a process of its own inside a namespace: what it prints and how it ends is the result.
import { writeSync } from 'node:fs';
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

  async wrongUse() {
    const wrong = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const [method, ...args] of [['open'], ['open', 'x', 'y', () => {}], ['close', {}], ['ref'], ['unref', 7]]) {
      try {
        wrong[String(method)]?.(...args);
        say('no error');
      } catch (error) {
        say(String(error));
      }
    }
  },
};

await cases[name]?.();
