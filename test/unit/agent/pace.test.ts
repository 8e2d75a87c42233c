// When a hint is followed at once and when it has to wait.
import { expect, test } from '@jest/globals';
import { Pace } from '../../../src/agent/pace.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const IDLE = { didChange: false, isSettled: true };

test('hints are followed at once, also after some that were about nothing', () => {
  const pace = new Pace(new FakeClock());
  expect(pace.delay()).toBe(0);
  for (let i = 0; i < 5; i++) pace.turnEnded(IDLE);
  expect(pace.delay()).toBe(0);
});

test('in a storm of hints about nothing turns are spaced, until one finds something to do or it is quiet', async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  for (let i = 0; i < 20; i++) pace.turnEnded(IDLE);
  expect(pace.delay()).toBe(50);
  await clock.advance(30);
  expect(pace.delay()).toBe(20);
  pace.turnEnded({ didChange: true, isSettled: true });
  expect(pace.delay()).toBe(0);
  for (let i = 0; i < 20; i++) pace.turnEnded(IDLE);
  await clock.advance(1000);
  pace.turnEnded(IDLE);
  expect(pace.delay()).toBe(0);
});

test('a turn that could not settle is not repeated hot by the events of its own changes', async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  pace.turnEnded({ didChange: true, isSettled: false });
  expect(pace.delay()).toBe(250);
  await clock.advance(300);
  expect(pace.delay()).toBe(0);
});

test('while somebody fights over a shim, hints are followed five times a second', async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  pace.turnEnded({ didChange: true, isSettled: true, isContested: true });
  expect(pace.delay()).toBe(200);
  await clock.advance(200);
  expect(pace.delay()).toBe(0);
  pace.turnEnded({ didChange: true, isSettled: true });
  expect(pace.delay()).toBe(0);
});
