// Chapter four: broadcast and multicast, both ways: what discovery protocols live on.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../stage.ts';
import { type Chapter, inPod, type World } from '../world.ts';

export const multicast: Chapter = {
  title: 'Broadcast and multicast',
  tell: async (world) => {
    const { client, toolbox } = world.cluster;
    const onLan = (args: readonly string[]) => client.exec([toolbox, ...args]);
    const onPod = (args: readonly string[]) => inPod(world, 'home', 'pihole', args);
    const listen = ['listen-broadcast', '--port', '5005', '--seconds', '5'];
    await heard(world, 'the pod hears a broadcast of the LAN', {
      listener: () => onPod([...listen, '--iface', 'net1']),
      sender: () => onLan(['send-broadcast', '--iface', client.interface, '--port', '5005', 'who-is-there']),
      text: 'who-is-there',
    });
    await heard(world, 'the LAN hears a broadcast of the pod', {
      listener: () => onLan([...listen, '--iface', client.interface]),
      sender: () => onPod(['send-broadcast', '--iface', 'net1', '--port', '5005', 'i-am-here']),
      text: 'i-am-here',
    });
    await heard(world, 'the pod hears an mDNS query of the LAN, and its answer is heard', {
      listener: () =>
        onPod(['mdns-answer', '--name', 'pihole.local', '--ip', '192.0.2.101', '--iface', 'net1', '--seconds', '6']),
      sender: () => onLan(['mdns-query', '--name', 'pihole.local', '--iface', client.interface, '--timeout', '3']),
      text: 'pihole.local',
      whoMustSay: 'sender',
    });
  },
};

interface Conversation {
  readonly listener: () => Promise<Outcome>;
  readonly sender: () => Promise<Outcome>;
  readonly text: string;
  readonly whoMustSay?: 'sender' | 'listener';
}

/** Starts the listener, speaks three times (a listener may be late), and looks for the text where it must appear. */
async function heard(world: World, sentence: string, talk: Conversation): Promise<void> {
  const listening = talk.listener();
  let said = '';
  for (let round = 0; round < 3; round++) {
    await sleep(700);
    const outcome = await talk.sender();
    said += outcome.stdout;
    if (talk.whoMustSay === 'sender' && said.includes(talk.text)) break;
  }
  const { stdout } = await listening;
  const where = talk.whoMustSay === 'sender' ? said : stdout;
  world.stage.check(sentence, where.includes(talk.text), where.trim().split('\n')[0] ?? '');
}
