// Who has their link made again in a turn, and who has to wait for the next one.
import { expect, test } from '@jest/globals';
import { type Due, inTurn } from '../../../../src/agent/pods/repair-turn.ts';

interface Named extends Due {
  readonly name: string;
}

const one = (name: string, change: Partial<Due> = {}): Named => ({
  name,
  attachment: 'lan',
  netns: name,
  waits: false,
  ...change,
});
const leased = (count: number, change: Partial<Due> = {}) =>
  Array.from({ length: count }, (_, i) => one(`lease-${i}`, { waits: true, ...change }));

async function tried(due: readonly Named[], answer: (due: Named) => 'Mended' | 'Refused'): Promise<readonly string[]> {
  const names: string[] = [];
  await inTurn(due, async (link) => {
    names.push(link.name);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return answer(link);
  });
  return names;
}

test('those that need no server come first, and each is tried whatever became of the others', async () => {
  const due = [...leased(1), one('a'), one('b')];
  expect(await tried(due, ({ name }) => (name === 'a' ? 'Refused' : 'Mended'))).toEqual(['a', 'b', 'lease-0']);
});

test('a server that answers is asked for all of them', async () => {
  expect(await tried(leased(30), () => 'Mended')).toHaveLength(30);
});

test('a server that does not answer holds up eight of them, and no other attachment', async () => {
  const due = [...leased(30), ...leased(2, { attachment: 'wan' })];
  const names = await tried(due, ({ attachment }) => (attachment === 'lan' ? 'Refused' : 'Mended'));
  expect(names).toHaveLength(10);
});

test('those that were left out are the first of the next turn', async () => {
  const due = [one('tried', { waits: true, triedAt: 5 }), ...leased(8)];
  expect(await tried(due, () => 'Refused')).not.toContain('tried');
});

test('two links of one pod are never made at once: both would have one name until they are finished', async () => {
  let atWork = 0;
  const names: string[] = [];
  await inTurn(leased(4, { netns: '/run/netns/a' }), async ({ name }) => {
    atWork += 1;
    expect(atWork).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    atWork -= 1;
    names.push(name);
    return 'Mended';
  });
  expect(names).toHaveLength(4);
});
