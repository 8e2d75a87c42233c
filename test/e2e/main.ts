// `make demo` and `make demo-down`: tells the story on a cluster of its own, leaves the cluster up, and sums up.
import { ensureBinaries } from '../cluster/binaries.ts';
import { type Cluster, endCluster, startCluster } from '../cluster/cluster.ts';
import { loadStoryImages } from './images.ts';
import { Stage } from './stage.ts';
import { STORY } from './story.ts';
import type { World } from './world.ts';

const INSTANCE = 'demo';

const verb = process.argv[2] ?? 'up';
if (verb === 'down') await demoDown();
else if (verb === 'up') process.exitCode = await demoUp();
else {
  console.error(`usage: node test/e2e/main.ts up|down (not "${verb}")`);
  process.exitCode = 2;
}

async function demoDown(): Promise<void> {
  const had = await endCluster(INSTANCE);
  console.log(had ? 'the demo is over; nothing of it is left' : 'no demo is running');
}

async function demoUp(): Promise<number> {
  const started = Date.now();
  await ensureBinaries();
  const cluster = await startCluster({ instance: INSTANCE });
  const image = await loadStoryImages(cluster);
  const stage = new Stage((line) => console.log(line));
  const world: World = { cluster, stage, image, before: [], sniffer: undefined, shimMacs: new Set() };
  for (const [index, chapter] of STORY.entries()) {
    console.log(`\n── ${index + 1}. ${chapter.title} ${'─'.repeat(Math.max(4, 70 - chapter.title.length))}`);
    try {
      await chapter.tell(world);
    } catch (error) {
      stage.check(`chapter "${chapter.title}" could be told to its end`, false, String(error));
    }
  }
  return sumUp(cluster, stage, Date.now() - started);
}

function sumUp(cluster: Cluster, stage: Stage, ms: number): number {
  const broken = stage.checks.filter((check) => !check.held);
  console.log(`\n── Summary ${'─'.repeat(66)}\n`);
  for (const check of broken) console.log(`  FAIL ${check.sentence}  (${check.detail})`);
  console.log(
    `  ${stage.checks.length - broken.length} of ${stage.checks.length} checks held, in ${(ms / 1000).toFixed(0)} s`,
  );
  console.log(`\n  The cluster is still up. Look around:\n    export KUBECONFIG=${cluster.kubeconfig}`);
  console.log(`    ${cluster.kubectlPath} get nodes\n  End it:\n    make demo-down`);
  return broken.length === 0 ? 0 : 1;
}
