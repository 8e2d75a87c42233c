// Two namespaces on the same attachments: one with a pod whose addresses somebody else would like to have, and one with that somebody.
import { expect } from '@jest/globals';
import type { Pod } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import { type Tenant, tenantOf } from './tenant.ts';
import { HOME, IdentityWorld, networksOf } from './world.ts';

export const EVIL = 'evil';
export const GATE = 'macvlan.dev/identity';

/** What the pod `db` of the other namespace has: on `lan` a MAC, on `pool` and `open` an IP address besides. */
export interface Victim {
  readonly mac: string;
  readonly openMac: string;
  readonly ip: string;
  readonly openIp: string;
}

/** Annotations of a pod that asks. */
export const asks = (identity = 'auto', more: Readonly<Record<string, string>> = {}) => ({ [GATE]: identity, ...more });

export class TenantWorld {
  readonly world: IdentityWorld;
  readonly editor: Tenant;
  readonly victim: Victim;

  private constructor(world: IdentityWorld, editor: Tenant, victim: Victim) {
    this.world = world;
    this.editor = editor;
    this.victim = victim;
  }

  /** With the chart's guards on, the controller, and attachments of each kind; `secret` is not for the editor's namespace. */
  static async open(plane: ControlPlane): Promise<TenantWorld> {
    const world = new IdentityWorld(plane);
    await world.install('guards.rawPins=Refuse', 'isolation.type=Namespace');
    const editor = await tenantOf(plane, EVIL);
    await world.start();
    const namespaces = { names: [HOME, EVIL] };
    const pool = { type: 'Pool', pool: { ranges: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1' }] } } as const;
    await world.attach('lan', { namespaces });
    await world.attach('pool', { namespaces, ipam: pool });
    await world.attach('open', { namespaces, ipam: pool, pins: 'Allow' });
    await world.attach('secret', { ipam: pool });
    const other = { metadata: { namespace: EVIL, name: 'other' }, spec: { config: '{}' } };
    await world.client.create(NETWORK_ATTACHMENT_DEFINITION, other);
    await world.makePod('db', { networks: 'lan,pool,open' });
    return new TenantWorld(world, editor, victimOf(await world.bound('db')));
  }

  async close(): Promise<void> {
    this.editor.client.transport.close();
    await this.world.stopAll();
  }

  /** Makes a pod of the editor, by default one that asks. */
  make(name: string, networks: string, annotations: Readonly<Record<string, string>> = asks()): Promise<Pod> {
    return this.editor.makePod(name, { networks, annotations });
  }

  /** The reason with which the controller leaves a pod of the editor waiting. */
  async toldWhy(pod: string): Promise<string> {
    const field = `involvedObject.name=${pod}`;
    const said = await until(`an event about ${pod}`, () =>
      this.world.kubectl('-n', EVIL, 'get', 'events', '--field-selector', field, '-o', 'jsonpath={.items[-1:].reason}'),
    );
    const found = await this.editor.pod(pod);
    expect(found?.spec.schedulingGates).toEqual([{ name: GATE }]);
    expect(found?.metadata.annotations?.['macvlan.dev/bound']).toBeUndefined();
    return said ?? '';
  }

  async bound(name: string): Promise<Pod> {
    const pod = await until(`${name} is bound`, async () => {
      const found = await this.editor.pod(name);
      return found?.metadata.labels?.['macvlan.dev/gated'] === 'bound' ? found : undefined;
    });
    if (pod === undefined) throw new Error('unreachable');
    return pod;
  }

  /** Names of the claims of an identity of the editor's. */
  async claimsOf(identity: string): Promise<readonly string[]> {
    return (await this.world.claims())
      .filter(({ spec }) => spec.identity.namespace === EVIL && spec.identity.name === identity)
      .map(({ metadata }) => metadata.name)
      .toSorted();
  }

  /** Fails when the other tenant lost something, or when somebody else has a claim on it. */
  async expectNothingTaken(): Promise<void> {
    expect(victimOf(await this.world.bound('db'))).toEqual(this.victim);
    const foreign = (await this.world.claims()).filter(({ spec }) => spec.identity.namespace !== HOME);
    const own = new Set([this.victim.mac, this.victim.openMac]);
    expect(foreign.filter(({ spec }) => own.has(spec.address))).toEqual([]);
  }
}

function victimOf(pod: Pod): Victim {
  const [lan, fromPool, open] = networksOf(pod);
  return {
    mac: lan?.mac ?? '',
    openMac: open?.mac ?? '',
    ip: fromPool?.ips?.[0]?.replace('/24', '') ?? '',
    openIp: open?.ips?.[0]?.replace('/24', '') ?? '',
  };
}
