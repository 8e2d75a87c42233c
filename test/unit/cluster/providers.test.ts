import { describe, expect, test } from '@jest/globals';
import { chosenProvider } from '../../cluster/providers.ts';

describe('the provider of the test cluster', () => {
  test.each([
    ['namespaces of this machine, when nothing is said', undefined, 'netns'],
    ['the same for an empty word, as make passes it on', '', 'netns'],
    ['the one that is named', 'kind', 'kind'],
  ])('is %s', (_what, wanted, provider) => {
    expect(chosenProvider(wanted)).toBe(provider);
  });

  test('is refused when it is not known, with those that are', () => {
    expect(() => chosenProvider('minikube')).toThrow('CLUSTER=minikube: choose one of netns, kind');
    expect(() => chosenProvider('constructor')).toThrow('choose one of');
  });
});
