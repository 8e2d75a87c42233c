import { describe, expect, test } from '@jest/globals';
import { isSilence, type LeaseEvent, lineOf, parseDaemonLine } from '../../../../src/domain/dhcp/daemon-log.ts';

const CLIENT = 'abc123/lan/net1';
const STAMP = '2026/11/24 15:39:29 ';
const EXPIRES = Date.parse('2026-11-24T16:39:29.123Z');

test.each<[string, LeaseEvent]>([
  ['acquiring lease', { type: 'Asking', client: CLIENT }],
  [
    'lease acquired, expiration is 2026-11-24 16:39:29.123456789 +0000 UTC m=+3600.012345678',
    { type: 'Bound', client: CLIENT, expires: EXPIRES },
  ],
  [
    'lease renewed, expiration is 2026-11-24 17:39:29.123 +0100 CET m=+3600.012345678',
    { type: 'Bound', client: CLIENT, expires: EXPIRES },
  ],
  [
    'lease rebound, expiration is 2026-11-24 16:39:29 +0000 UTC',
    { type: 'Bound', client: CLIENT, expires: Date.parse('2026-11-24T16:39:29Z'), isRebound: true },
  ],
  ['renewing lease', { type: 'Renewing', client: CLIENT }],
  ['renewal time expired, rebinding', { type: 'Rebinding', client: CLIENT }],
  ['no more tries', { type: 'Failed', client: CLIENT, because: 'no more tries' }],
  ['lease expired, bringing interface DOWN', { type: 'Expired', client: CLIENT }],
  [
    'interface net1 no longer exists or link check failed, terminating lease maintenance',
    { type: 'LinkGone', client: CLIENT },
  ],
  ['releasing lease', { type: 'Released', client: CLIENT }],
])('"%s" is understood', (words, event) => {
  expect(parseDaemonLine(`${STAMP}${CLIENT}: ${words}`)).toEqual(event);
});

describe('no news is', () => {
  test.each([
    `${STAMP}${CLIENT}: Checking lease`,
    // The second line of a server's message.
    `${CLIENT}: lease expired, bringing interface DOWN`,
    `${STAMP}${CLIENT}: failed to release DHCP lease: failed to send DHCPRELEASE`,
    `${STAMP}${CLIENT}: failed to bring net1 interface DOWN: no such device`,
    `${STAMP}Link "net1" down. Attempting to set up`,
    `${STAMP}no matching response packet received`,
    `${STAMP}retrying in 1.924838 seconds`,
    `${STAMP}${CLIENT}: lease acquired, expiration is tomorrow`,
    '',
    'panic: runtime error',
  ])('"%s"', (line) => {
    expect(parseDaemonLine(line)).toBeUndefined();
  });
});

test('silence of the server is told from failures of the call itself', () => {
  expect(isSilence('error calling DHCP.Allocate: no more tries')).toBe(true);
  expect(isSilence('error calling DHCP.Allocate: error looking up "net1": Link not found')).toBe(false);
});

test('what is written in one go is one line, whatever a server has put into it', () => {
  const refusal = `${STAMP}${CLIENT}: server rejected request with Nak (msg: no\n${STAMP}${CLIENT}: lease expired, bringing interface DOWN)\n`;
  for (const written of [refusal, refusal.replace('no\n', 'no\u2028'), refusal.replace('no\n', 'no\r\n')]) {
    expect(parseDaemonLine(lineOf(written))).toEqual({
      type: 'Failed',
      client: CLIENT,
      because: `server rejected request with Nak (msg: no ${STAMP}${CLIENT}: lease expired, bringing interface DOWN)`,
    });
  }
  expect(lineOf(`${STAMP}${CLIENT}: renewing lease\n`)).toBe(`${STAMP}${CLIENT}: renewing lease`);
});
