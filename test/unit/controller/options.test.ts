import { describe, expect, test } from '@jest/globals';
import { parseOptions } from '../../../src/controller/options.ts';

const least = { POD_NAME: 'c-0', POD_NAMESPACE: 'macvlan-system', AGENT_IMAGE: 'operator:1' };

describe('the environment', () => {
  test('needs three values and has a default for everything else', () => {
    expect(parseOptions(least)).toEqual({
      podName: 'c-0',
      namespace: 'macvlan-system',
      agentImage: 'operator:1',
      agentPullPolicy: 'IfNotPresent',
      agentServiceAccount: 'macvlan-agent',
      cniBinDir: '/opt/cni/bin',
      logLevel: 'info',
      rawPins: 'Allow',
      healthPort: 8080,
      metricsPort: 8081,
      agentHealthPort: 9471,
      agentMetricsPort: 9472,
      kubeconfig: undefined,
    });
  });

  test('says everything that is missing or wrong at once', () => {
    expect(() => parseOptions({ POD_NAME: 'c-0', HEALTH_PORT: 'x', GUARDS_RAW_PINS: 'x' })).toThrow(
      'bad environment: POD_NAMESPACE is not set; AGENT_IMAGE is not set; GUARDS_RAW_PINS is none of Refuse, Warn, Allow: x; HEALTH_PORT is no port: x',
    );
  });

  test('takes port 0, which means any free one', () => {
    expect(parseOptions({ ...least, HEALTH_PORT: '0' }).healthPort).toBe(0);
  });
});
