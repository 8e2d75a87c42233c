// Nodes out of test/fixtures/hosts, on the way that a real one takes: bytes and files become facts.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { decodeLink } from '../../src/agent/netlink/decode.ts';
import { HardwareFacts } from '../../src/agent/netlink/hardware.ts';
import type { Link } from '../../src/domain/net/network.ts';
import type { SystemFacts } from '../../src/domain/parent/preflight/facts.ts';

const FOLDER = 'test/fixtures/hosts';

interface HostFile {
  readonly about: string;
  readonly parent: string;
  readonly expect: readonly string[];
  readonly node: SystemFacts;
  readonly links: readonly string[];
  readonly sysfs: Readonly<Record<string, string>>;
}

export interface Host extends Omit<HostFile, 'links' | 'sysfs'> {
  readonly name: string;
  readonly links: readonly Link[];
}

export function hostNames(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'));
}

export async function readHost(name: string): Promise<Host> {
  const file = parse(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8')) as HostFile;
  const root = mkdtempSync(join(tmpdir(), 'macvlan-host-'));
  try {
    for (const [path, content] of Object.entries(file.sysfs)) layOut(join(root, path), content);
    const decoded = file.links.map((text) => decodeLink(bytesOf(text)));
    const links = decoded.filter((link) => link !== undefined);
    return { ...file, name, links: await new HardwareFacts(join(root, 'class/net')).addTo(links) };
  } finally {
    rmSync(root, { recursive: true });
  }
}

function layOut(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const target = /^-> (.*)$/.exec(content)?.[1];
  if (target === undefined) {
    writeFileSync(path, `${content}\n`);
    return;
  }
  symlinkSync(target, path);
  // What it points to may matter by its name alone.
  mkdirSync(join(dirname(path), target), { recursive: true });
}

/** Hexadecimal with a comment at the end of each line. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, ''), 'hex');
}
