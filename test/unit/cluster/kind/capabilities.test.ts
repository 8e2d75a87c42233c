import { describe, expect, test } from '@jest/globals';
import { lackingCapabilities, specFilesIn, withoutCapabilities } from '../../../cluster/kind/capabilities.ts';

const status = (bounding: string) => `Name:\tsh\nCapInh:\t0000000000000000\nCapBnd:\t${bounding}\n`;

describe('what root lacks', () => {
  test('is nothing when the bounding set is full', () => {
    expect(lackingCapabilities(status('000001ffffffffff'))).toEqual([]);
  });

  test('is named by the bits that are not set', () => {
    expect(lackingCapabilities(status('000001fffeffffff'))).toEqual(['CAP_SYS_RESOURCE']);
    expect(lackingCapabilities(status('000000fffffffffe'))).toEqual(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE']);
  });
});

describe('a specification with less', () => {
  const capabilities = { bounding: ['CAP_CHOWN', 'CAP_SYS_RESOURCE'], effective: ['CAP_SYS_RESOURCE'] };
  const less = { bounding: ['CAP_CHOWN'], effective: [] };

  test('keeps everything else of a container', () => {
    const spec = { ociVersion: '1.0.2', process: { args: ['/sbin/init'], capabilities } };
    expect(withoutCapabilities(spec, ['CAP_SYS_RESOURCE'])).toEqual({
      ociVersion: '1.0.2',
      process: { args: ['/sbin/init'], capabilities: less },
    });
  });

  test('is made of that of a process, too', () => {
    expect(withoutCapabilities({ terminal: true, capabilities }, ['CAP_SYS_RESOURCE'])).toEqual({
      terminal: true,
      capabilities: less,
    });
  });

  test('never gets anything that was not asked for', () => {
    expect(withoutCapabilities({ process: {} }, ['CAP_CHOWN'])).toEqual({ process: {} });
  });
});

describe('the files that runc is about to read', () => {
  test.each([
    ['of a container', ['--root', '/r', 'create', '--bundle', '/b', '--pid-file', '/p', 'id'], ['/b/config.json']],
    ['of a container, in one word', ['run', '--bundle=/b', 'id'], ['/b/config.json']],
    ['of a process', ['exec', '--process', '/tmp/spec', '--detach', 'id'], ['/tmp/spec']],
    ['of neither', ['delete', '--force', 'id'], []],
  ] as const)('are those %s', (_what, argv, files) => {
    expect(specFilesIn(argv)).toEqual(files);
  });
});
