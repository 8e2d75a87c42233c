// What this process is told from outside: environment variables, read once at the start.
import process from 'node:process';
import type { RawPins } from '../api/names.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const RAW_PINS: readonly RawPins[] = ['Refuse', 'Warn', 'Allow'];

export interface Options {
  /** This replica; in the Lease and in events. */
  readonly podName: string;
  /** The operator's own namespace: Lease and agents live there. */
  readonly namespace: string;
  readonly agentImage: string;
  readonly agentPullPolicy: string;
  readonly agentServiceAccount: string;
  /** Where nodes keep their CNI plugin binaries; default /opt/cni/bin. */
  readonly cniBinDir: string;
  readonly logLevel: string;
  /** What the policies of the chart do about addresses that pods choose past the operator; default Allow, as without policies. */
  readonly rawPins: RawPins;
  /** Ports of this process; default 8080 and 8081. */
  readonly healthPort: number;
  readonly metricsPort: number;
  /** Ports of the agents, on each node's loopback; default 9471 and 9472: rare ones, since agents share the node's network. */
  readonly agentHealthPort: number;
  readonly agentMetricsPort: number;
  /** Path of a kubeconfig, for running outside a cluster; default the pod's ServiceAccount. */
  readonly kubeconfig: string | undefined;
}

/** Reads the environment. Throws, with all that is missing or wrong, so that a bad deployment says everything at once. */
export function parseOptions(env: Environment = process.env): Options {
  const wrong: string[] = [];
  const text = (name: string, fallback?: string): string => {
    const value = env[name] || fallback;
    if (value === undefined) wrong.push(`${name} is not set`);
    return value ?? '';
  };
  const port = (name: string, fallback: number): number => {
    const value = Number(env[name] || fallback);
    if (!Number.isInteger(value) || value < 0 || value > 65535) wrong.push(`${name} is no port: ${env[name]}`);
    return value;
  };
  const rawPins = (): RawPins => {
    const value = env['GUARDS_RAW_PINS'] || 'Allow';
    const known = RAW_PINS.find((candidate) => candidate === value);
    if (known === undefined) wrong.push(`GUARDS_RAW_PINS is none of ${RAW_PINS.join(', ')}: ${value}`);
    return known ?? 'Refuse';
  };
  const options: Options = {
    podName: text('POD_NAME'),
    namespace: text('POD_NAMESPACE'),
    agentImage: text('AGENT_IMAGE'),
    agentPullPolicy: text('AGENT_PULL_POLICY', 'IfNotPresent'),
    agentServiceAccount: text('AGENT_SERVICE_ACCOUNT', 'macvlan-agent'),
    cniBinDir: text('CNI_BIN_DIR', '/opt/cni/bin'),
    logLevel: text('LOG_LEVEL', 'info'),
    rawPins: rawPins(),
    healthPort: port('HEALTH_PORT', 8080),
    metricsPort: port('METRICS_PORT', 8081),
    agentHealthPort: port('AGENT_HEALTH_PORT', 9471),
    agentMetricsPort: port('AGENT_METRICS_PORT', 9472),
    kubeconfig: env['KUBECONFIG'] || undefined,
  };
  if (wrong.length > 0) throw new Error(`bad environment: ${wrong.join('; ')}`);
  return options;
}
