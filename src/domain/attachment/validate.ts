// What can be wrong with an attachment on its own, beyond what the schema refuses. The list is the documentation.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { PluginConfig } from '../../api/v1alpha1/plugin.ts';
import type { Problem } from '../problem.ts';
import { formatConfig } from './network-definition.ts';
import { whatIsWrongWithMetadata } from './network-definition-metadata.ts';
import { whatIsWrongWithPlugin } from './plugin-config.ts';
import { describeRange, overlapIn, rangesOf, routesOf, whatIsWrongWithRange, whatIsWrongWithRoute } from './ranges.ts';

/** States one fact about an attachment: nothing when it holds, else what is wrong. */
export type Check = (attachment: MacvlanAttachment) => Problem | undefined;

/** A problem of these means: no NAD is rendered, and what is there stays as it is until the spec is put right. */
export const checks: readonly Check[] = [
  nameIsOneThatPodsCanRefer, // Multus refuses a dot in the comma form of the annotation
  rangesAreSound, // host-local would refuse the pod, on the node, much later
  rangesDoNotOverlap, // one address would go to two pods
  routesAgreeWithRanges, // a route through a router of the wrong family, or through a made-up router
  pluginConfigsAreSound, // another plugin would run than the one that was checked
  metadataHasValidKeys, // the API server would refuse every NAD
  configIsNotHuge, // etcd would refuse the NAD, and each pod's sandbox carries a copy
];

/** Largest CNI configuration, in characters: far more than any that makes sense, far less than an object may have. */
const CONFIG_MAX = 131_072;

/** All that is wrong, in the order of the list. */
export function validateAttachment(attachment: MacvlanAttachment): readonly Problem[] {
  return checks.map((check) => check(attachment)).filter((problem) => problem !== undefined);
}

/** A wish that cannot come true but does not stop pods from being attached. */
export function hostAccessProblem(attachment: MacvlanAttachment): Problem | undefined {
  const { hostAccess, mode = 'bridge' } = attachment.spec;
  if ((hostAccess?.type ?? 'None') === 'None' || mode === 'bridge') return undefined;
  return {
    reason: 'HostAccessModeUnsupported',
    message: `hostAccess ${hostAccess?.type} does not work with mode ${mode}.`,
    remedy: 'Set mode: bridge, or hostAccess.type: None.',
  };
}

function nameIsOneThatPodsCanRefer({ metadata: { name } }: MacvlanAttachment): Problem | undefined {
  if (name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return undefined;
  return {
    reason: 'NameInvalid',
    message: `Pods cannot refer to a network named "${name}".`,
    remedy: 'Make it again with a name of at most 63 lower-case letters, digits and dashes, without dots.',
  };
}

function rangesAreSound({ spec: { ipam } }: MacvlanAttachment): Problem | undefined {
  const message = firstOf(rangesOf(ipam), whatIsWrongWithRange);
  if (message === undefined) return undefined;
  return { reason: 'RangeInvalid', message, remedy: `Correct the range in ${rangesField(ipam.type)}.` };
}

function rangesDoNotOverlap({ spec: { ipam } }: MacvlanAttachment): Problem | undefined {
  const [one, other] = overlapIn(rangesOf(ipam)) ?? [];
  if (one === undefined || other === undefined) return undefined;
  return {
    reason: 'RangesOverlap',
    message: `${describeRange(one)} and ${describeRange(other)} hold the same addresses.`,
    remedy: `Change start and end in ${rangesField(ipam.type)} so that no address is in two ranges.`,
  };
}

function rangesField(type: string): string {
  return type === 'Pool' ? 'spec.ipam.pool.ranges' : 'spec.ipam.hostLocal.ranges';
}

function routesAgreeWithRanges({ spec: { ipam } }: MacvlanAttachment): Problem | undefined {
  const message = firstOf(routesOf(ipam), (route) => whatIsWrongWithRoute(route, ipam));
  if (message === undefined) return undefined;
  return { reason: 'RouteInvalid', message, remedy: 'Give the route a `via` on this LAN, of the family of its `to`.' };
}

function pluginConfigsAreSound({ spec: { ipam, chain = [] } }: MacvlanAttachment): Problem | undefined {
  const configs: readonly (readonly [string, PluginConfig])[] = [
    ...(ipam.raw === undefined ? [] : [['spec.ipam.raw.config', ipam.raw.config] as const]),
    ...chain.map((config, index) => [`spec.chain[${index}]`, config] as const),
  ];
  const message = firstOf(configs, ([place, config]) => {
    const wrong = whatIsWrongWithPlugin(config);
    return wrong === undefined ? undefined : `${place} ${wrong}.`;
  });
  if (message === undefined) return undefined;
  return {
    reason: 'PluginConfigInvalid',
    message,
    remedy: 'Name the plugin by "type" alone, and keep its settings flat.',
  };
}

function metadataHasValidKeys(attachment: MacvlanAttachment): Problem | undefined {
  const message = whatIsWrongWithMetadata(attachment);
  if (message === undefined) return undefined;
  return {
    reason: 'MetadataInvalid',
    message,
    remedy:
      'Correct it in spec.networkDefinition: a name of at most 63 characters, with a domain and a slash before it at most.',
  };
}

function configIsNotHuge(attachment: MacvlanAttachment): Problem | undefined {
  const { length } = formatConfig(attachment);
  if (length <= CONFIG_MAX) return undefined;
  return {
    reason: 'ConfigTooLarge',
    message: `The CNI configuration has ${length} characters; ${CONFIG_MAX} are the limit.`,
    remedy: 'Shorten spec.ipam.raw.config or spec.chain.',
  };
}

/** What the check says about the first item that it has something to say about. */
function firstOf<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const message = check(item);
    if (message !== undefined) return message;
  }
  return undefined;
}
