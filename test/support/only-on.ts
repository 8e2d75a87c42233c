// Tests that one of the clusters cannot run: skipped there, and the title that is printed says why.
import { test } from '@jest/globals';
import { chosenProvider } from '../cluster/providers.ts';
import type { ProviderName } from '../cluster/wipe.ts';

/** `test` where the cluster is of that provider; elsewhere a skipped test with the reason after its title. */
export function testOnlyOn(provider: ProviderName, reason: string) {
  const isHere = chosenProvider() === provider;
  return (title: string, run: () => Promise<void>, timeoutMs?: number): void => {
    if (isHere) test(title, run, timeoutMs);
    else test.skip(`${title} (${reason})`, run, timeoutMs);
  };
}
