// Runs a command of this machine, in this folder, on Debian's kernel in a virtual machine, and ends as the command did.
// Usage: node test/vm/support/boot.ts EXCHANGE COMMAND…   (EXCHANGE: a folder that the command may write to for good)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { debianKernel, type Kernel } from './kernel.ts';

/** What the suites take from the kernel: links of all kinds, traffic filters, one radio, and the two cards below. */
const MODULES = ['macvlan', 'veth', 'bridge', '8021q', 'bonding', 'dummy', 'cls_bpf', 'sch_ingress', 'act_gact'];

/** Two network cards on one cable. */
const CARDS = [
  ...['-netdev', 'hubport,id=cable0,hubid=0', '-device', 'vmxnet3,netdev=cable0,mac=52:54:00:5e:00:01,addr=0x10'],
  ...[
    '-netdev',
    'hubport,id=cable1,hubid=0',
    '-device',
    'virtio-net-pci,netdev=cable1,mac=52:54:00:5e:00:02,addr=0x11',
  ],
];

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Environment and command as a script, since a kernel's command line is short. */
function script({ version, modules }: Kernel, exchange: string, command: readonly string[]): string {
  const { PATH = '', HOME = '/root' } = process.env;
  const others = ['XDG_CACHE_HOME', 'LOG_LEVEL'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [`export ${name}=${quoted(value)}`];
  });
  return [
    `export PATH=${quoted(`${PATH}:/usr/sbin:/sbin`)} HOME=${quoted(HOME)} CI=true MACVLAN_VM=${quoted(version)}`,
    ...others,
    `mkdir -p /lib/modules && ln -sfn ${quoted(modules)} /lib/modules/${version}`,
    `modprobe -a ${MODULES.join(' ')} && modprobe mac80211_hwsim radios=1 && modprobe -a vmxnet3 virtio_net`,
    'ip link set lo up',
    `cd ${quoted(process.cwd())} && ${command.map(quoted).join(' ')}`,
    `echo $? > ${quoted(join(exchange, 'code'))}; sync`,
    'echo o > /proc/sysrq-trigger; read -r -t 10 < /dev/zero',
  ].join('\n');
}

function machineArguments(kernel: Kernel, exchange: string): readonly string[] {
  const share = (id: string, path: string, more: string) => [
    ...['-fsdev', `local,id=${id},path=${path},security_model=none,multidevs=remap${more}`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  return [
    // Hardware virtualisation is often not to be had where tests run; without, everything takes about eight times as long.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '4G', '-no-reboot'],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nodefaults'],
    ...['-kernel', kernel.image, '-initrd', kernel.initramfs],
    ...['-append', `console=ttyS0 quiet loglevel=1 panic=-1 exchange=${exchange}`],
    ...share('host', '/', ',readonly=on'),
    ...share('exchange', exchange, ''),
    ...CARDS,
  ];
}

const [, , exchange = '', ...command] = process.argv;
const kernel = debianKernel();
rmSync(join(exchange, 'code'), { force: true });
writeFileSync(join(exchange, 'start.sh'), script(kernel, exchange, command));
console.error(
  `Debian's kernel ${kernel.version} starts in a virtual machine (emulated: everything takes about eight times as long)`,
);
const machine = spawn('qemu-system-x86_64', machineArguments(kernel, exchange), { stdio: ['ignore', 2, 2] });
process.once('SIGTERM', () => machine.kill('SIGKILL'));
const [code] = await once(machine, 'exit');
try {
  process.exitCode = Number(readFileSync(join(exchange, 'code'), 'utf8'));
} catch {
  console.error(`the virtual machine ended (${code}) before the command did`);
  process.exitCode = 1;
}
