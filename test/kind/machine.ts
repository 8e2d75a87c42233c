// What a cluster in kind could leave behind on the machine, written down so that "as it was" is a comparison.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { STATE_PREFIX } from '../cluster/instance.ts';
import { kernelSettings } from '../cluster/kind/host.ts';
import { run } from '../support/run.ts';

/** Facts by their kind; two equal ones mean that nothing was added, lost or changed. */
export type Machine = Readonly<Record<string, readonly string[]>>;

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  links: ['ip', '-o', 'link'],
  addresses: ['ip', '-o', 'address', 'show', 'scope', 'global'],
  routes: ['ip', 'route', 'show', 'table', 'all'],
  'IPv6 routes': ['ip', '-6', 'route', 'show', 'table', 'all'],
  rules: ['iptables-save'],
  'IPv6 rules': ['ip6tables-save'],
  'nftables rules': ['nft', 'list', 'ruleset'],
  cgroups: ['find', '/sys/fs/cgroup', '-mindepth', '2', '-type', 'd'],
};

/** Where container engines keep things unless they are told otherwise. */
const FOLDERS = ['/run', '/run/docker', '/run/containerd', '/run/netns', '/var/lib', '/etc', '/etc/docker', '/etc/cni'];
const FILES = ['/lib/modules', '/opt/cni', '/opt/containerd'];

/** The network's settings that do not belong to a namespace of a cluster's. */
const NETWORK_SETTINGS = ['ipv4/ip_forward', 'ipv4/conf/all/forwarding', 'ipv6/conf/all/forwarding'];

/** Everything that is to be the same afterwards. Clusters of other names on the machine do not count. */
export async function lookAtMachine(): Promise<Machine> {
  const facts: Record<string, readonly string[]> = {};
  for (const [what, argv] of Object.entries(COMMANDS)) facts[what] = linesOf((await run(argv)).stdout);
  for (const folder of FOLDERS) facts[folder] = existsSync(folder) ? readdirSync(folder).sort() : ['(not there)'];
  facts['files'] = FILES.filter((path) => existsSync(path));
  facts['mounts'] = linesOf(readFileSync('/proc/self/mountinfo', 'utf8'));
  facts['network settings'] = NETWORK_SETTINGS.map((key) => `${key} ${readFileSync(`/proc/sys/net/${key}`, 'utf8')}`);
  facts['kernel settings'] = Object.entries(kernelSettings()).map(([key, value]) => `${key} = ${value.trim()}`);
  return facts;
}

/** Counters of rules move with every packet. */
function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\[\d+:\d+\]/, '').replace(/ expires \d+sec/, ''))
    .filter((line) => line !== '' && !line.startsWith('#') && !line.includes(`/${STATE_PREFIX}`))
    .sort();
}

/** What is in one and not in the other: `+` for more, `-` for less; empty when nothing changed. */
export function compareMachines(before: Machine, after: Machine): readonly string[] {
  return Object.keys(before).flatMap((what) => {
    const had = new Set(before[what]);
    const has = new Set(after[what]);
    const more = [...has].filter((fact) => !had.has(fact)).map((fact) => `+ ${what}: ${fact}`);
    const less = [...had].filter((fact) => !has.has(fact)).map((fact) => `- ${what}: ${fact}`);
    return [...more, ...less];
  });
}
