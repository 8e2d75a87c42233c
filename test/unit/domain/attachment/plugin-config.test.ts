import { describe, expect, test } from '@jest/globals';
import { pluginConfigFor, whatIsWrongWithPlugin } from '../../../../src/domain/attachment/plugin-config.ts';

const render = (config: string) => JSON.stringify(pluginConfigFor(JSON.parse(config)));

describe("a plugin's configuration", () => {
  test.each<[string, string, string]>([
    [
      'has its type first and the rest sorted',
      '{"z":1,"a":{"d":1,"c":[{"y":0,"x":0}]},"type":"t"}',
      '{"type":"t","a":{"c":[{"x":0,"y":0}],"d":1},"z":1}',
    ],
    ['keeps the order of lists', '{"type":"t","l":[3,1,2,null,true]}', '{"type":"t","l":[3,1,2,null,true]}'],
    [
      'keeps a key that JavaScript has a use for',
      '{"type":"t","__proto__":{"constructor":1},"toJSON":2}',
      '{"type":"t","__proto__":{"constructor":1},"toJSON":2}',
    ],
    [
      'cannot break out of its text',
      String.raw`{"type":"t","a":"\"}],\"name\":\"x\u0000\u2028"}`,
      '{"type":"t","a":"\\"}],\\"name\\":\\"x\\u0000\u2028"}',
    ],
  ])('%s', (_, written, rendered) => {
    expect(render(written)).toBe(rendered);
  });

  test('is refused when it is nested deeper than anybody can follow, and can be rendered all the same', () => {
    const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;
    expect(whatIsWrongWithPlugin({ type: 'x', a: nested(31) })).toBeUndefined();
    expect(whatIsWrongWithPlugin({ type: 'x', a: nested(32) })).toContain('more than 32 levels');
    expect(whatIsWrongWithPlugin({ type: 'x', a: nested(100_000) })).toContain('more than 32 levels');
    expect(JSON.stringify(pluginConfigFor({ type: 'x', a: nested(100_000) })).length).toBeLessThan(1000);
  });

  test('is refused with a second spelling of type, and with that only', () => {
    expect(whatIsWrongWithPlugin({ type: 'a', Type: 'b' })).toContain('"Type"');
    expect(whatIsWrongWithPlugin({ type: 'a', types: 'b', nested: { TYPE: 1 } })).toBeUndefined();
  });
});
