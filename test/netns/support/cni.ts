// The real CNI plugins on a configuration of ours, called as a container runtime does: cnitool is libcni with a command line.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { formatConfig } from '../../../src/domain/attachment/network-definition.ts';
import { buildTools } from '../../cluster/binaries.ts';
import { printProgress } from '../../cluster/progress.ts';
import { cniPlugins, cnitool } from '../../cluster/tools.ts';
import type { Outcome } from '../../support/run.ts';
import type { Lab } from './lab.ts';

/** What Multus would hand over for a pod. */
export interface PodWish {
  readonly mac?: string;
  /** With prefix lengths. */
  readonly ips?: readonly string[];
}

/** What a plugin answers to ADD, as far as tests look at it. */
export interface CniResult {
  readonly cniVersion: string;
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns?: { readonly nameservers?: readonly string[] };
}

/** Links are made under this name. */
export const LINK = 'net1';

/**
 * Keeps CNI's memory (libcni's cache, host-local's ranges) in the lab: /run is the lab's own, /var/lib is the machine's. What
 * plugins log while all goes well is dropped; what they say when it does not is printed.
 */
const IN_LAB = `
  mkdir -p /run/var-lib && mount --bind /run/var-lib /var/lib || exit 255
  "$@" 2>/run/said; code=$?
  [ $code = 0 ] || cat /run/said
  exit $code`;

/** One network, on the node `node`. */
export class CniNetwork {
  readonly #lab: Lab;
  readonly #name: string;
  readonly #folder: string;
  readonly #programs: Readonly<Record<string, string>>;

  private constructor(lab: Lab, config: { readonly name: string }, programs: Readonly<Record<string, string>>) {
    this.#lab = lab;
    this.#name = config.name;
    this.#programs = programs;
    this.#folder = mkdtempSync(join(tmpdir(), 'macvlan-cni-'));
    writeFileSync(join(this.#folder, 'network.conflist'), JSON.stringify(config));
  }

  /** Builds the plugins if they are not there; the first time that takes seconds. */
  static async open(lab: Lab, config: { readonly name: string }): Promise<CniNetwork> {
    return new CniNetwork(lab, config, await buildTools([cniPlugins, cnitool], printProgress()));
  }

  /** The network of an attachment, as the operator renders it. */
  static of(lab: Lab, attachment: MacvlanAttachment): Promise<CniNetwork> {
    return CniNetwork.open(lab, JSON.parse(formatConfig(attachment)) as { name: string });
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** ADD for the namespace `pod`. Rejects with what the plugin said. */
  async add(pod: string, wish: PodWish = {}): Promise<CniResult> {
    const { code, stdout } = await this.call('add', pod, wish);
    if (code !== 0) throw new Error(`ADD: ${stdout}`);
    return JSON.parse(stdout) as CniResult;
  }

  /** Any verb. What is printed, errors included, is in `stdout`. */
  async call(verb: 'add' | 'check' | 'del', pod: string, wish: PodWish = {}): Promise<Outcome> {
    const tool = this.#programs['cnitool'] ?? '';
    const command = ['sh', '-c', IN_LAB, 'sh', tool, verb, this.#name, `/run/netns/${pod}`];
    const child = this.#lab.spawn('node', command, {
      NETCONFPATH: this.#folder,
      CNI_PATH: dirname(this.#programs['macvlan'] ?? ''),
      CNI_IFNAME: LINK,
      CAP_ARGS: JSON.stringify(wish),
      CNI_ARGS: argumentsFor(pod, wish),
    });
    let stdout = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stdin?.end();
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 255, stdout: stdout.trim(), stderr: '' };
  }
}

/** As the real Multus does, which passes on MAC and addresses here, too. */
function argumentsFor(pod: string, { mac, ips }: PodWish): string {
  return [
    'IgnoreUnknown=true',
    'K8S_POD_NAMESPACE=home',
    `K8S_POD_NAME=${pod}`,
    'K8S_POD_INFRA_CONTAINER_ID=0',
    `K8S_POD_UID=uid-${pod}`,
    ...(mac === undefined ? [] : [`MAC=${mac}`]),
    ...(ips === undefined || ips.length === 0 ? [] : [`IP=${ips.join(',')}`]),
  ].join(';');
}

/** The dhcp plugin's daemon on `node`, and a DHCP server on the LAN; ends both with the returned function. */
export async function startDhcp(lab: Lab, range: DhcpRange, socket: string): Promise<() => Promise<void>> {
  const { dhcp = '' } = await buildTools([cniPlugins], printProgress());
  const server = startDhcpServer(lab, range);
  const daemon = lab.spawn('node', ['sh', '-c', 'exec "$@" 2>/dev/null', 'sh', dhcp, 'daemon', '-socketpath', socket]);
  return async () => {
    for (const child of [daemon, server]) await ended(child);
  };
}

/** Ends a process of the lab; resolves when it is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** Renewals are asked for after three seconds instead of half an hour: an option of {@link startDhcpServer}. */
export const RENEW_SOON = ['--dhcp-option-force=option:T1,3s', '--dhcp-option-force=option:T2,100s'];

/** First and last address. */
export type DhcpRange = readonly [first: string, last: string];

/**
 * A DHCP server on the LAN, whose leases are in /run/leases of the lab; it goes on until it is killed.
 * @param lease how long one is; the server makes none shorter than two minutes
 */
export function startDhcpServer(
  lab: Lab,
  range: DhcpRange,
  options: readonly string[] = [],
  lease = '1h',
): ChildProcess {
  return lab.spawn('router', [
    'dnsmasq',
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--port=0', '--interface=sw0'],
    ...[
      '--bind-interfaces',
      `--dhcp-range=${range.join(',')},255.255.255.0,${lease}`,
      '--dhcp-authoritative',
      '--no-ping',
    ],
    ...['--dhcp-leasefile=/run/leases', '--log-dhcp', '--log-facility=/run/dnsmasq.log', ...options],
  ]);
}
