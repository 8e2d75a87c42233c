// Debian's kernel, as most nodes at home have it, and a first file system for it that makes this machine's files its own.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { architectureNamed } from '../../../scripts/architectures.ts';
import { cacheFolder, kept } from '../../../scripts/cache.ts';
import { debianPackages } from '../../../scripts/debian-packages.ts';

export interface Kernel {
  /** As `uname -r` says it. */
  readonly version: string;
  /** Paths on this machine. */
  readonly image: string;
  readonly initramfs: string;
  readonly modules: string;
}

/** To see this machine's files; what tests need besides they load themselves. */
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_rng'];

/**
 * The machine's files, read only, below a file system in memory: whatever is written is gone with the virtual machine. `exchange` is
 * the one folder that both write to, at the same path in both.
 */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs devtmpfs /dev
while read module; do $b insmod "/modules/$module" || exec $b poweroff -f; done < /order
options=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o $options,cache=loose,ro host /lower || exec $b poweroff -f
$b mount -t tmpfs tmpfs /changes; $b mkdir /changes/upper /changes/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/changes/upper,workdir=/changes/work overlay /root
$b mount -t tmpfs tmpfs /root/run
for folder in proc sys dev; do $b mount --move /$folder /root/$folder; done
$b mkdir -p /root/dev/pts /root/dev/shm "/root$exchange"
$b mount -t devpts devpts /root/dev/pts; $b mount -t tmpfs tmpfs /root/dev/shm
$b mount -t 9p -o $options exchange "/root$exchange" || exec $b poweroff -f
exec $b switch_root /root /bin/bash "$exchange/start.sh"
`;

/** Fetched and made once for each version that Debian has. Throws when Debian's mirrors cannot be reached and there is none yet. */
export function debianKernel(): Kernel {
  const root = debianPackages(architectureNamed('amd64'), (apt) => {
    // The package of that name has nothing in it but the name of the newest.
    const depends = apt('apt-cache', ['depends', 'linux-image-amd64']);
    const newest = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (newest === undefined) throw new Error('Debian has no package linux-image-amd64');
    return [newest];
  });
  const [version] = readdirSync(join(root, 'usr/lib/modules'));
  if (version === undefined) throw new Error(`${root} has no kernel modules`);
  const modules = join(root, 'usr/lib/modules', version);
  if (!existsSync(join(modules, 'modules.dep'))) execFileSync('depmod', ['--basedir', root, version]);
  const digest = createHash('sha256')
    .update(JSON.stringify([INIT, MODULES]))
    .digest('hex')
    .slice(0, 12);
  const made = kept(join(cacheFolder(), 'initramfs', `${basename(root)}-${digest}`), (folder) =>
    pack(root, version, folder),
  );
  return { version, image: join(root, `boot/vmlinuz-${version}`), initramfs: join(made, 'initramfs'), modules };
}

function pack(root: string, version: string, target: string): void {
  const work = mkdtempSync(join(tmpdir(), 'macvlan-initramfs-'));
  try {
    for (const folder of ['bin', 'proc', 'sys', 'dev', 'lower', 'changes', 'root', 'modules'])
      mkdirSync(join(work, folder));
    writeFileSync(join(work, 'init'), INIT, { mode: 0o755 });
    copyFileSync(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(), join(work, 'bin/busybox'));
    const files = MODULES.flatMap((name) => moduleFiles(root, version, name));
    const order = [...new Set(files)];
    for (const file of order) copyFileSync(file, join(work, 'modules', basename(file)));
    writeFileSync(join(work, 'order'), order.map((file) => `${basename(file)}\n`).join(''));
    const script = `find . | cpio --quiet -o -H newc | gzip > "$1"`;
    execFileSync('sh', ['-c', script, 'pack', join(target, 'initramfs')], { cwd: work });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A module's file and those of what it depends on, in the order in which they have to be loaded. */
function moduleFiles(root: string, version: string, name: string): readonly string[] {
  const words = ['--dirname', root, '--set-version', version, '--show-depends', name];
  const said = execFileSync('modprobe', words, { encoding: 'utf8' });
  return [...said.matchAll(/^insmod (\S+)/gm)].flatMap((match) => match[1] ?? []);
}
