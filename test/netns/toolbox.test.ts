// The test program's own commands between two machines on a bridge: what the demo and the e2e suite rely on must itself be right.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTools } from '../cluster/binaries.ts';
import { toolbox as source } from '../cluster/tools.ts';
import { type Outcome, run, runOrThrow } from '../support/run.ts';
import { until } from '../support/until.ts';

const tag = randomBytes(3).toString('hex');
const lan = `tbl-${tag}`;
const one = `tba-${tag}`;
const two = `tbb-${tag}`;
const folder = mkdtempSync(join(tmpdir(), 'toolbox-test-'));
const started: Background[] = [];
let program: string;

/** A command that runs on, with what it has said so far. */
class Background {
  said = '';
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(argv: readonly string[]) {
    const [name = '', ...args] = argv;
    this.child = spawn(name, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.said += chunk.toString();
    });
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
    started.push(this);
  }

  hasSaid(text: string): Promise<boolean> {
    return until(`"${text}" said`, () => this.said.includes(text));
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

function inside(ns: string, ...args: string[]): string[] {
  return ['nsenter', `--net=/run/netns/${ns}`, program, ...args];
}

const call = (ns: string, ...args: string[]): Promise<Outcome> => run(inside(ns, ...args), { timeoutMs: 30_000 });

/** Starts a command and waits until it says that it is ready. */
async function start(ready: string, ns: string, ...args: string[]): Promise<Background> {
  const background = new Background(inside(ns, ...args));
  await background.hasSaid(ready);
  return background;
}

async function addMachine(ns: string, number: number): Promise<void> {
  const ip = (...args: string[]) => runOrThrow(['ip', ...args]);
  await ip('netns', 'add', ns);
  await ip('-n', lan, 'link', 'add', `p${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
  await ip('-n', lan, 'link', 'set', `p${number}`, 'master', 'br0', 'up');
  await ip('-n', ns, 'link', 'set', 'eth0', 'address', `02:00:00:00:00:${number}`);
  await ip('-n', ns, 'addr', 'add', `192.0.2.${number}/24`, 'dev', 'eth0');
  await ip('-n', ns, 'addr', 'add', `2001:db8::${number}/64`, 'dev', 'eth0', 'nodad');
  await ip('-n', ns, 'link', 'set', 'eth0', 'up');
}

beforeAll(async () => {
  const { toolbox: built } = await buildTools([source], () => {});
  if (built === undefined) throw new Error('toolbox was not built');
  program = built;
  await runOrThrow(['ip', 'netns', 'add', lan]);
  await runOrThrow(['ip', '-n', lan, 'link', 'add', 'br0', 'type', 'bridge']);
  await runOrThrow(['ip', '-n', lan, 'link', 'set', 'br0', 'up']);
  await addMachine(one, 11);
  await addMachine(two, 12);
  // IPv6 comes a moment after the link.
  await until('IPv6 works', async () => (await call(one, 'ping', '2001:db8::12', '-c', '1', '-W', '0.1')).code === 0);
}, 300_000);

afterAll(async () => {
  await Promise.all(started.map((each) => each.stop()));
  for (const ns of [one, two, lan]) await run(['ip', 'netns', 'del', ns]);
  rmSync(folder, { recursive: true, force: true });
});

describe('servers and clients', () => {
  test('a server answers over TCP and UDP, IPv4 and IPv6, with its name, its host and who asked', async () => {
    const server = await start('serving udp 53', two, 'serve', '--tcp', '53', '--udp', '53', '--name', 'pihole');
    const asked = (peer: string) => ({ code: 0, stdout: `pihole ${hostname()} ${peer}\n` });
    expect(await call(one, 'get', 'tcp', '192.0.2.12:53')).toMatchObject(asked('192.0.2.11'));
    expect(await call(one, 'get', 'udp', '192.0.2.12:53')).toMatchObject(asked('192.0.2.11'));
    expect(await call(one, 'get', 'tcp', '[2001:db8::12]:53')).toMatchObject(asked('2001:db8::11'));
    expect(await call(one, 'get', 'udp', '[2001:db8::12]:53')).toMatchObject(asked('2001:db8::11'));
    expect(await server.stop()).toBe(0);
  });

  test('a UDP server answers from the address that was asked, also when it is not the first', async () => {
    await runOrThrow(['ip', '-n', two, 'addr', 'add', '192.0.2.99/24', 'dev', 'eth0']);
    const server = await start('serving udp', two, 'serve', '--udp', '54');
    expect(await call(one, 'get', 'udp', '192.0.2.99:54')).toMatchObject({ code: 0 });
    expect(await server.stop()).toBe(0);
    await runOrThrow(['ip', '-n', two, 'addr', 'del', '192.0.2.99/24', 'dev', 'eth0']);
  });

  test('a client whose server is not there fails', async () => {
    expect(await call(one, 'get', 'tcp', '192.0.2.12:81', '--timeout', '1')).toMatchObject({ code: 1 });
    expect(await call(one, 'get', 'udp', '192.0.2.77:81', '--timeout', '0.2')).toMatchObject({ code: 1 });
  });

  test('ping counts answers of both families and fails without one', async () => {
    expect((await call(one, 'ping', '192.0.2.12', '-c', '2')).stdout).toContain('2 sent, 2 received');
    expect((await call(one, 'ping', '2001:db8::12', '-c', '1')).stdout).toContain('1 sent, 1 received');
    expect(await call(one, 'ping', '192.0.2.77', '-c', '1', '-W', '0.1')).toMatchObject({ code: 1 });
  });

  test('arping names the MAC that answers, and fails when nobody does', async () => {
    const answer = await call(one, 'arping', '--iface', 'eth0', '192.0.2.12', '-c', '2', '-W', '0.1');
    expect(answer.stdout).toContain('reply from 192.0.2.12 02:00:00:00:00:12\n');
    expect(answer.stdout).toContain('2 sent, 2 received, macs: 02:00:00:00:00:12\n');
    expect(await call(one, 'arping', '--iface', 'eth0', '192.0.2.77', '-c', '1', '-W', '0.1')).toMatchObject({
      code: 1,
    });
  });
});

describe('broadcast and multicast', () => {
  test('a broadcast is heard', async () => {
    const listener = await start('listening', two, 'listen-broadcast', '--port', '9999', '--iface', 'eth0');
    expect(await call(one, 'send-broadcast', '--iface', 'eth0', '--port', '9999', 'wake', 'up')).toMatchObject({
      code: 0,
    });
    expect(await listener.ended).toBe(0);
    expect(listener.said).toContain('192.0.2.11 wake up\n');
  });

  test('a listener that hears nothing fails', async () => {
    expect(await call(two, 'listen-broadcast', '--port', '9998', '--seconds', '0.2')).toMatchObject({ code: 1 });
  });

  test('a name is asked for and answered over mDNS', async () => {
    const args = ['--iface', 'eth0', '--name', 'pihole.local'];
    const responder = await start('answering', two, 'mdns-answer', ...args, '--ip', '192.0.2.12');
    const answer = await call(one, 'mdns-query', ...args);
    expect(answer).toMatchObject({ code: 0, stdout: 'pihole.local 192.0.2.12 192.0.2.12\n' });
    await responder.hasSaid('192.0.2.11 asked for pihole.local');
    expect(await responder.stop()).toBe(0);
  });

  test('an announcement is heard', async () => {
    const listener = await start('listening', two, 'mdns-listen', '--iface', 'eth0');
    await call(one, 'mdns-send', '--iface', 'eth0', '--name', 'tv.local', '--ip', '192.0.2.11');
    expect(await listener.ended).toBe(0);
    expect(listener.said).toContain('192.0.2.11 answer tv.local 192.0.2.11\n');
  });
});

interface Line {
  readonly event?: string;
  readonly frames?: number;
  readonly drops?: number;
  readonly src?: string;
  readonly arp?: object;
  readonly ip?: object;
  readonly icmp6?: { readonly type: string };
}

test('the sniffer on a bridge sees every frame between two machines and ends with its counts', async () => {
  const out = join(folder, 'frames');
  const sniffer = new Background(inside(lan, 'sniff', '--iface', 'br0', '--out', out));
  const lines = (): Line[] =>
    readFileSync(out, { encoding: 'utf8', flag: 'a+' })
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  await until('the sniffer listens', () => lines()[0]?.event === 'start');
  for (const ns of [one, two]) await runOrThrow(['ip', '-n', ns, 'neigh', 'flush', 'all']);
  await call(one, 'ping', '192.0.2.12', '-c', '3', '-i', '0');
  await call(one, 'ping', '2001:db8::12', '-c', '1');
  expect(await sniffer.stop()).toBe(0);
  const seen = lines();
  expect(seen.at(-1)).toMatchObject({ event: 'end', iface: 'br0', frames: seen.length - 2, drops: 0 });
  const echoes = seen.filter((line) => JSON.stringify(line.ip ?? {}).includes('"icmp":8'));
  expect(echoes).toHaveLength(3);
  expect(seen).toContainEqual(
    expect.objectContaining({
      src: '02:00:00:00:00:12',
      dst: '02:00:00:00:00:11',
      ethertype: 'arp',
      arp: { op: 'reply', sha: '02:00:00:00:00:12', spa: '192.0.2.12', tha: '02:00:00:00:00:11', tpa: '192.0.2.11' },
    }),
  );
  const advertised = seen.find((line) => line.icmp6?.type === 'na' && line.src === '02:00:00:00:00:12');
  expect(advertised).toMatchObject({ icmp6: { target: '2001:db8::12', lladdr: '02:00:00:00:00:12', override: true } });
});

describe('small commands', () => {
  test('ifaces shows links, addresses and routes of its own namespace', async () => {
    const { links, routes } = JSON.parse((await call(one, 'ifaces')).stdout) as { links: unknown[]; routes: unknown[] };
    const addresses = expect.arrayContaining(['192.0.2.11/24', '2001:db8::11/64']);
    expect(links).toContainEqual(
      expect.objectContaining({ name: 'eth0', mac: '02:00:00:00:00:11', mtu: 1500, up: true, addresses }),
    );
    expect(routes).toContainEqual({ dst: '192.0.2.0/24', dev: 'eth0', src: '192.0.2.11' });
  });

  test('pause ends on TERM', async () => {
    const pause = await start('pausing', one, 'pause');
    expect(await pause.stop()).toBe(0);
  });

  test('without a command it says what there is, with a wrong one it fails', async () => {
    expect(await run([program])).toMatchObject({ code: 0, stdout: expect.stringContaining('mdns-query') });
    expect(await run([program, 'nonsense'])).toMatchObject({ code: 2 });
    expect(await run([program, 'ping'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('usage: toolbox ping'),
    });
  });
});
