// What root may do on this machine, and the OCI runtime that asks for no more: in some containers and virtual machines root lacks
// a capability, and Docker asks for all of them when a container is privileged, as kind's nodes are.
//
// As a program (argv: those of runc): takes what root lacks out of the specification that runc is about to read.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who makes the cgroups of pods: kubelet and runc themselves, or systemd for them. */
export type CgroupDriver = 'cgroupfs' | 'systemd';

/** In the kernel's order of bits. */
const CAPABILITIES = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...['LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER'],
  ...['SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE'],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP'],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

if (import.meta.main) lessen(process.argv.slice(2), lackingCapabilities());

/** Capabilities that nothing on this machine can get, given the text of /proc/self/status. */
export function lackingCapabilities(status = readFileSync('/proc/self/status', 'utf8')): readonly string[] {
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.filter((_name, bit) => ((bounding >> BigInt(bit)) & 1n) === 0n);
}

export function hasCapability(name: string): boolean {
  return !lackingCapabilities().includes(name);
}

export function hostCgroups(): 1 | 2 {
  return existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1;
}

/** On the first version of cgroups systemd's way of making them is unreliable: runc fails to freeze groups while pods start. */
export function cgroupDriver(): CgroupDriver {
  return hostCgroups() === 1 ? 'cgroupfs' : 'systemd';
}

type Capabilities = Readonly<Record<string, readonly string[]>>;

/** A container's specification, or one of a process that joins a container. */
export interface RuntimeSpec {
  readonly process?: { readonly capabilities?: Capabilities };
  readonly capabilities?: Capabilities;
}

/** The same with less: the lists of capabilities without those that are lacking. */
export function withoutCapabilities<T extends RuntimeSpec>(spec: T, lacking: readonly string[]): T {
  const less = (capabilities: Capabilities): Capabilities =>
    Object.fromEntries(
      Object.entries(capabilities).map(([set, names]) => [set, names.filter((name) => !lacking.includes(name))]),
    );
  const { process: own, capabilities } = spec;
  return {
    ...spec,
    ...(own?.capabilities === undefined ? {} : { process: { ...own, capabilities: less(own.capabilities) } }),
    ...(capabilities === undefined ? {} : { capabilities: less(capabilities) }),
  };
}

/** Files that the arguments of runc name: of `create` and `run` the bundle's, of `exec` the process's. */
export function specFilesIn(argv: readonly string[]): readonly string[] {
  return argv.flatMap((option, index) => {
    const [name = '', given] = option.split('=', 2);
    const value = given ?? argv[index + 1] ?? '';
    if (['--bundle', '-b'].includes(name)) return [join(value, 'config.json')];
    return ['--process', '-p'].includes(name) ? [value] : [];
  });
}

function lessen(argv: readonly string[], lacking: readonly string[]): void {
  for (const file of specFilesIn(argv).filter((path) => existsSync(path))) {
    const spec = JSON.parse(readFileSync(file, 'utf8')) as RuntimeSpec;
    writeFileSync(file, JSON.stringify(withoutCapabilities(spec, lacking)));
  }
}
