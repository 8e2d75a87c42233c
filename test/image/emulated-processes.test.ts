// The image of another architecture than the machine's under QEMU's user mode: its Node, its three processes, its DHCP daemon.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { architectureNamed } from '../../scripts/architectures.ts';
import { DHCP_FOLDER, DHCP_SOCKET } from '../../src/api/names.ts';
import { CONTROL_SOCKET } from '../../src/domain/dhcp/protocol.ts';
import { askLine } from '../../src/kernel/process/line-socket.ts';
import { run, runOrThrow } from '../support/run.ts';
import { until } from '../support/until.ts';
import { emulatorFor, FOREIGN } from './support/emulator.ts';
import { type Unpacked, unpackImage } from './support/unpacked.ts';

jest.setTimeout(10 * 60_000);

/** Whatever the tests run in. */
const NO_CLUSTER = { KUBERNETES_SERVICE_HOST: '', NODE_NAME: '', POD_NAME: '', POD_NAMESPACE: '' };

describe.each(FOREIGN.map(({ name }) => name))('the image for %s', (name) => {
  let image: Unpacked;
  let emulator: readonly string[];
  let node: readonly string[];

  beforeAll(async () => {
    image = await unpackImage(architectureNamed(name));
    emulator = await emulatorFor(image.architecture, image.root);
    node = [...emulator, join(image.root, 'usr/local/bin/node')];
  });

  afterAll(() => image.remove());

  test('has the pinned Node, which finds its libraries in the image and nowhere else', async () => {
    const script =
      'console.log(process.arch, process.version); for (const path of process.report.getReport().sharedObjects) console.log(path)';
    const [version, ...libraries] = (await runOrThrow([...node, '-e', script])).trim().split('\n');
    expect(version).toBe(`${image.architecture.node} ${process.version}`);
    const paths = libraries.filter((path) => path.includes('.so'));
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) expect(image.files).toContain(path.slice(1));
  });

  test.each([
    ['agent', 'NODE_NAME is not set'],
    ['controller', 'bad environment: POD_NAME is not set'],
  ])('starts the process %s, which says what it misses', async (process, message) => {
    const { code, stderr } = await run([...node, join(image.root, `app/${process}.mjs`)], { env: NO_CLUSTER });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
  });

  test('starts the supervisor with its DHCP daemon, both of which answer and end when they are told to', async () => {
    const prefix = mkdtempSync(join(tmpdir(), 'macvlan-emulated-'));
    // The kernel does not run what the emulator runs.
    const daemon = join(prefix, 'dhcp');
    const command = [...emulator, join(image.root, 'app/cni/dhcp')].join(' ');
    writeFileSync(daemon, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const [program = '', ...args] = [...node, join(image.root, 'app/dhcp.mjs')];
    const child = spawn(program, args, {
      env: { ...process.env, HOST_PREFIX: prefix, DHCP_PLUGIN: daemon, LOG_LEVEL: 'error' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      const control = join(prefix, DHCP_FOLDER, CONTROL_SOCKET);
      await until('the supervisor answers', async () => (await firstLine(control)) !== undefined, 60_000);
      expect(JSON.parse((await firstLine(control)) ?? '')).toMatchObject({ leases: [] });
      expect(existsSync(join(prefix, DHCP_SOCKET))).toBe(true);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    rmSync(prefix, { recursive: true });
  });

  test('has the DHCP plugin', async () => {
    const said = await runOrThrow([...emulator, join(image.root, 'app/cni/dhcp')], {
      env: { CNI_COMMAND: 'VERSION' },
    });
    expect(JSON.parse(said)).toMatchObject({ supportedVersions: expect.arrayContaining(['1.0.0']) });
  });
});

/** What the supervisor says first to somebody who watches; nothing when nobody listens. */
function firstLine(path: string): Promise<string | undefined> {
  return askLine(path, JSON.stringify({ verb: 'Watch' }), 10_000).catch(() => undefined);
}
