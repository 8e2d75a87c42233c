// The MAC addresses that the NICs of this network namespace listen for, as one line of JSON.
import { loadAddon } from '../../../src/agent/netlink/addon.ts';
import { MacFilters } from '../../../src/agent/netlink/filters.ts';

const filters = new MacFilters(loadAddon(process.argv[2] ?? ''));
process.stdout.write(`${JSON.stringify([...(await filters.read())])}\n`);
await filters.close();
