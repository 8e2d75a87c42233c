// The DHCP supervisor as a process in a lab's node, with the stock daemon that it starts, and what it tells over its socket.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { buildAddon } from '../../../scripts/build-addon.ts';
import type { DhcpReport, DhcpRequest, ReportedLease } from '../../../src/domain/dhcp/protocol.ts';
import { buildTools } from '../../cluster/binaries.ts';
import { printProgress } from '../../cluster/progress.ts';
import { cniPlugins } from '../../cluster/tools.ts';
import { until } from '../../support/until.ts';
import type { Lab } from './lab.ts';
import { limitedTo } from './rights.ts';

export const CONTROL = '/run/macvlan-operator/dhcp-control.sock';

/** Says its argument to a socket, and prints every line that comes back. */
const TALK = `
  const socket = require('net').connect(process.argv[1]);
  socket.on('error', () => process.exit(1));
  socket.on('close', () => process.exit(0));
  socket.write(process.argv[2] + '\\n');
  socket.pipe(process.stdout);`;

/** What its container has in a cluster. */
export const RIGHTS = ['+net_admin', '+net_raw', '+sys_admin'];

export class LabDhcp {
  readonly #lab: Lab;
  readonly #child: ChildProcess;
  readonly #children: ChildProcess[] = [];
  /** Each report, oldest first, since `watch`. */
  readonly reports: DhcpReport[] = [];

  private constructor(lab: Lab, child: ChildProcess) {
    this.#lab = lab;
    this.#child = child;
  }

  /** Resolves when it answers. */
  static async start(lab: Lab, rights = RIGHTS): Promise<LabDhcp> {
    const { dhcp = '' } = await buildTools([cniPlugins], printProgress());
    const program = join(import.meta.dirname, '../../../src/dhcp/main.ts');
    // As a kubelet makes it.
    await lab.enter(['mkdir', '-p', '-m', '755', dirname(CONTROL)]);
    // The worst that a runtime may leave it with: whatever it makes would be everybody's.
    const open = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];
    const child = lab.spawn('node', [...open, ...limitedTo(rights), process.execPath, program], {
      HOST_PREFIX: '',
      DHCP_PLUGIN: dhcp,
      NETLINK_ADDON: buildAddon(),
      MULTUS_RESULTS_PATH: '/run/var-lib/cni/results',
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error',
    });
    child.stdout?.on('data', (chunk: Buffer) => void (process.env['LOG_LEVEL'] && process.stderr.write(chunk)));
    const dhcpd = new LabDhcp(lab, child);
    await until('the supervisor reports', async () => {
      dhcpd.#endTalks();
      dhcpd.watch();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return dhcpd.reports.length > 0;
    });
    return dhcpd;
  }

  watch(): void {
    const child = this.#talk({ verb: 'Watch' });
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      this.reports.push(...lines.map((line) => JSON.parse(line) as DhcpReport));
    });
  }

  /** The lease of the link net1, as it was last reported. */
  get lease(): ReportedLease | undefined {
    return this.reports.at(-1)?.leases[0];
  }

  get links(): number {
    return this.reports.at(-1)?.links ?? -1;
  }

  async ask(request: DhcpRequest): Promise<unknown> {
    const child = this.#talk(request);
    const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    child.kill('SIGKILL');
    return JSON.parse(chunk.toString());
  }

  /** Ends the daemon without a word; the supervisor has to end, too. */
  async killDaemon(): Promise<number | null> {
    const ended = once(this.#child, 'exit');
    const pid = (await this.#lab.exec('node', ['pgrep', '-P', String(this.#child.pid)])).trim();
    await this.#lab.exec('node', ['kill', '-9', ...pid.split('\n')]);
    const [code] = (await ended) as [number | null];
    this.#endTalks();
    return code;
  }

  /** Resolves with the exit code when the supervisor has ended by itself. */
  async ended(): Promise<number | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) await once(this.#child, 'exit');
    this.#endTalks();
    return this.#child.exitCode;
  }

  /** The orderly end, as on SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.#endTalks();
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const [code] = (await ended) as [number | null];
    return code;
  }

  #talk(request: DhcpRequest): ChildProcess {
    const child = this.#lab.spawn('node', [process.execPath, '-e', TALK, CONTROL, JSON.stringify(request)]);
    this.#children.push(child);
    return child;
  }

  #endTalks(): void {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
  }
}
