// The story in the order in which it is told, by the demo and by the e2e tests alike.

import { attach } from './story/attach.ts';
import { judgement, privileges } from './story/audit.ts';
import { dhcp } from './story/dhcp.ts';
import { heal } from './story/heal.ts';
import { identity } from './story/identity.ts';
import { install } from './story/install.ts';
import { multicast } from './story/multicast.ts';
import { nic } from './story/nic.ts';
import { reach } from './story/reach.ts';
import { removal } from './story/removal.ts';
import { repair } from './story/repair.ts';
import type { Chapter } from './world.ts';

export const STORY: readonly Chapter[] = [
  install,
  attach,
  reach,
  multicast,
  privileges,
  heal,
  nic,
  repair,
  dhcp,
  identity,
  removal,
  judgement,
];
