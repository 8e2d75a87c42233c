// A small LAN in network namespaces of its own: a node, a router, pods. All of it lives and dies with one process.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { buildTools } from '../../cluster/binaries.ts';
import { toolbox as source } from '../../cluster/tools.ts';

const run = promisify(execFile);

/** A frame as the sniffer wrote it down. */
export interface Frame {
  readonly src?: string;
  readonly dst?: string;
  readonly type?: string;
}

/**
 * Namespaces with private names: they hang on a process that holds a private mount of /run, so that nothing is left when it
 * ends, however it ends.
 */
export class Lab {
  readonly #holder: ChildProcess;
  readonly #toolbox: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(holder: ChildProcess, toolbox: string) {
    this.#holder = holder;
    this.#toolbox = toolbox;
  }

  /** A lab with an empty namespace for each name; `lo` is up in them. */
  static async start(namespaces: readonly string[]): Promise<Lab> {
    const { toolbox } = await buildTools([source], () => {});
    if (toolbox === undefined) throw new Error('the test program was not built');
    const script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && echo ready && exec cat';
    const holder = spawn('unshare', ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdout } = holder;
    if (stdout === null) throw new Error('no output of the holder');
    await once(stdout, 'data');
    const lab = new Lab(holder, toolbox);
    for (const name of namespaces) await lab.addNamespace(name);
    return lab;
  }

  async addNamespace(name: string): Promise<void> {
    await this.enter(['ip', 'netns', 'add', name]);
    await this.ip(name, 'link set lo up');
  }

  /** Runs a program in a namespace and resolves with its output. Rejects when it fails. */
  async exec(namespace: string, command: readonly string[]): Promise<string> {
    return this.enter(['ip', 'netns', 'exec', namespace, ...command]);
  }

  /** Runs ip(8) with these words in a namespace. */
  ip(namespace: string, words: string): Promise<string> {
    return this.enter(['ip', '-n', namespace, ...words.split(' ')]);
  }

  /** What ip(8) shows, as JSON; an empty list when it shows nothing or the device is not there. */
  async show<T = Record<string, unknown>>(namespace: string, words: string): Promise<readonly T[]> {
    try {
      const text = await this.enter(['ip', '-j', '-d', '-n', namespace, ...words.split(' ')]);
      const list = text.trim() === '' ? [] : (JSON.parse(text) as T[]);
      // ip prints an empty object for what it filtered out.
      return list.filter((item) => Object.keys(item as object).length > 0);
    } catch {
      return [];
    }
  }

  /** Starts a program in a namespace that goes on; it ends with the lab at the latest. */
  spawn(namespace: string, command: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn('nsenter', this.#words(['ip', 'netns', 'exec', namespace, ...command]), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
    return child;
  }

  /** Whether `target` answers a ping from the namespace. */
  async pings(namespace: string, target: string): Promise<boolean> {
    try {
      await this.exec(namespace, [this.#toolbox, 'ping', target, '-c', '1', '-W', '1']);
      return true;
    } catch {
      return false;
    }
  }

  /** The MAC addresses that answer for an address on the link's LAN, after so many questions. */
  async macsOf(namespace: string, link: string, address: string, questions: number): Promise<readonly string[]> {
    const words = ['arping', '--iface', link, address, '-c', String(questions), '-W', '0.1'];
    const text = await this.exec(namespace, [this.#toolbox, ...words]);
    return /macs: (.*)/.exec(text)?.[1]?.split(',') ?? [];
  }

  /** Writes down every frame on a link until the returned function is called, which gives them. */
  async sniff(namespace: string, link: string): Promise<() => Promise<readonly Frame[]>> {
    const child = this.spawn(namespace, [this.#toolbox, 'sniff', '--iface', link, '--out', '-']);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    if (child.stdout !== null) await once(child.stdout, 'data');
    return async () => {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
      const lines = text.split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as Frame).filter((line) => line.src !== undefined);
    };
  }

  /** How many datagrams the kernel had to throw away that were meant for netlink sockets of a namespace. */
  async droppedEvents(namespace: string): Promise<number> {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    const lines = (await this.exec(namespace, ['cat', '/proc/net/netlink'])).trim().split('\n').slice(1);
    return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[8]), 0);
  }

  async stop(): Promise<void> {
    const children = [...this.#children];
    await Promise.all(children.map((child) => (child.kill('SIGKILL') ? once(child, 'exit') : undefined)));
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
  }

  /** Runs a program in the lab, outside its namespaces: in its own view of /run. */
  async enter(command: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', this.#words(command), { encoding: 'utf8' });
    return stdout;
  }

  #words(command: readonly string[]): string[] {
    return ['--target', String(this.#holder.pid), '--mount', '--net', ...command];
  }
}
