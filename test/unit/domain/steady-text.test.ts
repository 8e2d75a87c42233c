import { describe, expect, test } from '@jest/globals';
import { steadyText } from '../../../src/domain/steady-text.ts';

describe('the text of an error loses', () => {
  test.each([
    ['read tcp 10.244.0.5:48812->10.96.0.1:443: i/o timeout', 'read tcp 10.244.0.5->10.96.0.1:443: i/o timeout'],
    ['read tcp [fd00::5]:48812 -> [fd00::1]:443: EOF', 'read tcp [fd00::5] -> [fd00::1]:443: EOF'],
    ['connect ECONNREFUSED 10.0.0.1:443 - Local (10.0.0.9:51712)', 'connect ECONNREFUSED 10.0.0.1:443 - Local'],
    ['UID in precondition: 6f1c1b0e-2a67-4b11-9d0c-0a4f7a0e8f11, gone', 'UID in precondition: (uid), gone'],
    ['certificate expired: now 2026-01-01T10:11:12Z', 'certificate expired: now (time)'],
    ['request id: 5c1d, resourceVersion: 88123', 'request id: (…), resourceVersion: (…)'],
  ])('what is another one each time: %s', (text, steady) => {
    expect(steadyText(text)).toBe(steady);
    expect(steadyText(steady)).toBe(steady);
  });
});

test('names, namespaces and the ports of servers stay', () => {
  const text = 'Post "https://hook-2.team-17.svc:8443/check?timeout=10s": dial tcp 10.96.4.20:8443: connection refused';
  expect(steadyText(text)).toBe(text);
});
