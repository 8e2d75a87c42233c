// The certificates of the test cluster, judged by OpenSSL's reader.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { createAuthority } from '../../cluster/pki.ts';

describe('the authority of a test cluster', () => {
  const authority = createAuthority('test');
  const names = ['127.0.0.1', '10.96.0.1', 'localhost', 'kubernetes.default.svc'];
  const issued = authority.issue({ commonName: 'system:node:node-a', organization: 'system:nodes', names });
  const leaf = new X509Certificate(issued.cert);
  const root = new X509Certificate(authority.cert);

  test('signs itself, as an authority', () => {
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
  });

  test('issues certificates that it signed and that are no authorities', () => {
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(issued.key))).toBe(true);
  });

  test('names who a certificate speaks for', () => {
    expect(leaf.subject).toBe('O=system:nodes\nCN=system:node:node-a');
    expect(leaf.checkIP('10.96.0.1')).toBe('10.96.0.1');
    expect(leaf.checkHost('kubernetes.default.svc')).toBe('kubernetes.default.svc');
    expect(leaf.checkIP('10.96.0.2')).toBeUndefined();
  });

  test('issues what is valid now and not for ever', () => {
    expect(leaf.validFromDate.getTime()).toBeLessThan(Date.now());
    const days = (leaf.validToDate.getTime() - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(30);
  });
});
