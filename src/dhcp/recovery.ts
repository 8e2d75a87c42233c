// Gets the lease of one link anew, and makes the link whole with it where that has lost its address.
//
//   lease lost with a daemon ──────────────────────────────▶ asked for ──▶ held (the link was whole all the time)
//   expired: link off ──▶ address off ──▶ lease forgotten ──▶ asked for, link up ──▶ address and routes on ──▶ held
//                                                                  └──(no answer)──▶ link off
import { addressIn, type CachedClient } from '../domain/dhcp/cached-client.ts';
import type { PluginPort } from './plugin.ts';
import type { PodLinksPort } from './pod-links.ts';

/**
 * Whether the link is without an address; where its lease has expired, it is from here on. The daemon switches a link on to ask, and
 * an old address on it may be somebody else's by then. Rejects when a link is gone whose lease has expired, or the kernel refuses.
 */
export async function setAside(
  client: CachedClient,
  lease: 'Expired' | 'Other',
  links: PodLinksPort,
): Promise<boolean> {
  const sight = await links.look(client);
  // Of any other link that is gone the daemon says so. To ask for a lease whose end it has seen would never be answered.
  if (sight === 'Gone' && lease === 'Expired') throw new Error(`the link ${client.interface} is gone`);
  const isBare = sight === 'Bare' || lease === 'Expired';
  if (isBare) await links.strip(client);
  return isBare;
}

export interface RecoveryTools {
  readonly plugin: PluginPort;
  readonly links: PodLinksPort;
  readonly signal: AbortSignal;
}

/** Resolves with the address that the server gave to a link without one. What fails leaves it switched off. */
export async function askAndDress(client: CachedClient, { plugin, links, signal }: RecoveryTools): Promise<string> {
  try {
    // The daemon only forgets a lease that has ended, and no server hears of it.
    await plugin.del(client);
    const result = await plugin.add(client, signal);
    await links.dress(client, result).catch(async (error: unknown) => {
      await plugin.del(client);
      throw error;
    });
    return addressIn(result);
  } catch (error) {
    await links.switchOff(client).catch(() => {});
    throw error;
  }
}
