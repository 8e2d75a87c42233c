// A pod sandbox to try a meta-plugin in: a network namespace, a folder of plugins that record what they are given and
// answer from a script, and the plugin's own folders.
import { randomBytes, randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, run, runOrThrow } from '../../support/run.ts';
import { FakeApi } from './fake-api.ts';

/** What a plugin was given. */
export interface Given {
  readonly plugin: string;
  readonly command: string;
  readonly ifname: string;
  readonly args: string;
  readonly container: string;
  readonly netns: string;
  readonly stdin: unknown;
}

/** What a plugin answers. `links` are made in the pod's namespace first, `unlink` are taken away. */
export interface Answer {
  readonly exit: number;
  readonly stdout: unknown;
  readonly unlink?: readonly string[];
  readonly links?: readonly { readonly name: string; readonly address?: string; readonly gateway?: string }[];
}

/** Each call gets the next number; what it answers lies beside it as a script. */
const RECORDER = `#!/bin/sh
here=\${0%/*}/..
n=1
while [ -e "$here/calls/$n.stdin" ]; do n=$((n+1)); done
cat > "$here/calls/$n.stdin"
printf '%s\\n' "\${0##*/}" "$CNI_COMMAND" "$CNI_IFNAME" "$CNI_ARGS" "$CNI_CONTAINERID" "$CNI_NETNS" > "$here/calls/$n.env"
if [ -e "$here/answers/$n" ]; then . "$here/answers/$n"; fi
`;

export class Sandbox {
  readonly id = randomBytes(32).toString('hex');
  readonly uid = randomUUID();
  readonly ns = `mvt-${randomBytes(4).toString('hex')}`;
  readonly netns = `/var/run/netns/${this.ns}`;
  readonly folder = mkdtempSync(join(tmpdir(), 'multus-test-'));
  readonly cniDir = join(this.folder, 'state');
  readonly api: FakeApi;
  private readonly binary: string;
  private readonly pod: string;
  private answers = 0;

  private constructor(binary: string, pod: string, api: (uid: string) => FakeApi) {
    this.binary = binary;
    this.pod = pod;
    this.api = api(this.uid);
  }

  /** Makes the namespace and the folders and starts the API. The pod lives in namespace `default`. */
  static async open(
    binary: string,
    pod: string,
    annotation: string | undefined,
    networks: Readonly<Record<string, unknown>>,
  ): Promise<Sandbox> {
    const annotations: Record<string, string> =
      annotation === undefined ? {} : { 'k8s.v1.cni.cncf.io/networks': annotation };
    const sandbox = new Sandbox(
      binary,
      pod,
      (uid) => new FakeApi({ namespace: 'default', name: pod, uid, annotations }, networks),
    );
    for (const each of ['bin', 'calls', 'answers']) mkdirSync(join(sandbox.folder, each));
    for (const plugin of ['cluster', 'macvlan', 'tuning']) {
      writeFileSync(join(sandbox.folder, 'bin', plugin), RECORDER);
      chmodSync(join(sandbox.folder, 'bin', plugin), 0o755);
    }
    const server = await sandbox.api.listen();
    writeFileSync(join(sandbox.folder, 'kubeconfig'), kubeconfig(server));
    await runOrThrow(['ip', 'netns', 'add', sandbox.ns]);
    return sandbox;
  }

  async close(): Promise<void> {
    await this.api.close();
    await run(['ip', 'netns', 'del', this.ns]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The values behind the placeholders of a recording. */
  get values(): Record<string, string> {
    return { sandbox: this.id, uid: this.uid, ns: this.ns };
  }

  /** Adds what the next calls of plugins answer. */
  answer(...answers: readonly Answer[]): void {
    for (const answer of answers) {
      this.answers++;
      writeFileSync(join(this.folder, 'answers', String(this.answers)), this.script(answer));
    }
  }

  private script(answer: Answer): string {
    const ip = `ip -n ${this.ns}`;
    const lines = (answer.links ?? []).flatMap(({ name, address, gateway }) => [
      `${ip} link add ${name} type bridge`,
      `${ip} link set ${name} up`,
      ...(address === undefined ? [] : [`${ip} addr add ${address} dev ${name}`]),
      ...(gateway === undefined ? [] : [`${ip} route add default via ${gateway} dev ${name}`]),
    ]);
    for (const name of answer.unlink ?? []) lines.push(`${ip} link del ${name}`);
    if (answer.stdout !== null) lines.push(`cat <<'END'\n${JSON.stringify(answer.stdout)}\nEND`);
    return [...lines, `exit ${answer.exit}`, ''].join('\n');
  }

  /** Runs the meta-plugin as a runtime does. `args` is the runtime's CNI_ARGS; the real order of its pairs varies. */
  call(command: string, args = this.defaultArgs, config: object = {}): Promise<Outcome> {
    const stdin = {
      cniVersion: '1.0.0',
      name: 'multus-cni-network',
      type: 'multus',
      kubeconfig: join(this.folder, 'kubeconfig'),
      binDir: join(this.folder, 'bin'),
      cniDir: this.cniDir,
      logFile: join(this.folder, 'log'),
      logLevel: 'verbose',
      logToStderr: false,
      delegates: [{ cniVersion: '1.0.0', name: 'cbr', plugins: [{ type: 'cluster' }] }],
      ...config,
    };
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: this.id,
      CNI_NETNS: this.netns,
      CNI_IFNAME: 'eth0',
      CNI_ARGS: args,
      CNI_PATH: join(this.folder, 'bin'),
    };
    return run([this.binary], { input: JSON.stringify(stdin), env, timeoutMs: 30_000 });
  }

  private get defaultArgs(): string {
    const { pod, id, uid } = this;
    return `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod};K8S_POD_INFRA_CONTAINER_ID=${id};K8S_POD_UID=${uid}`;
  }

  /** All calls of plugins so far. */
  calls(): Given[] {
    const folder = join(this.folder, 'calls');
    const count = readdirSync(folder).filter((file) => file.endsWith('.env')).length;
    return Array.from({ length: count }, (_, index) => {
      const [plugin = '', command = '', ifname = '', args = '', container = '', netns = ''] = readFileSync(
        join(folder, `${index + 1}.env`),
        'utf8',
      ).split('\n');
      const stdin: unknown = JSON.parse(readFileSync(join(folder, `${index + 1}.stdin`), 'utf8'));
      return { plugin, command, ifname, args, container, netns, stdin };
    });
  }

  /** Names of libcni's cached results. */
  cached(): string[] {
    const folder = join(this.cniDir, 'results');
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }

  readCached(file: string): unknown {
    return JSON.parse(readFileSync(join(this.cniDir, 'results', file), 'utf8'));
  }

  /** Whether anything is kept for this container's DEL. */
  get saved(): boolean {
    return existsSync(join(this.cniDir, this.id));
  }
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
