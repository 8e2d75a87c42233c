// A whole process that stands for election, and works every 50 ms while it leads. Settings come as JSON in the first argument.
import process from 'node:process';
import { Controller } from '../../../src/kernel/controller/controller.ts';
import { Elector, leaderPart } from '../../../src/kernel/leader/elector.ts';
import { background, runProcess } from '../../../src/kernel/process/lifecycle.ts';
import { createLogger } from '../../../src/kernel/process/logger.ts';
import { clientFor } from '../../support/kube.ts';

interface Settings {
  readonly server: { readonly url: string; readonly token: string; readonly ca: string };
  readonly identity: string;
  readonly lease: { readonly namespace: string; readonly name: string };
  readonly times: { readonly leaseMs: number; readonly renewMs: number; readonly retryMs: number };
}

const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
const logger = createLogger({ name: settings.identity, level: 'warn' });
const say = (word: string) => process.stdout.write(`${word} ${process.hrtime.bigint() / 1_000_000n}\n`);

const elector = new Elector({
  client: clientFor(settings.server),
  lease: settings.lease,
  identity: settings.identity,
  logger,
  ...settings.times,
});
const controller = new Controller({
  name: 'work',
  logger,
  mayWork: () => elector.leads,
  reconcile: async () => {
    say('work');
    return { type: 'later', ms: 50 };
  },
});
controller.enqueue('the key');

process.stdin.resume().on('end', () => process.exit(9)); // whoever started us is gone
await runProcess({
  logger,
  parts: [leaderPart(elector), background({ name: 'workers', run: (signal) => controller.run(signal) })],
});
