// The demo's story, told silently: each chapter is a test, and every check in it must hold.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { loadStoryImages } from './images.ts';
import { Stage } from './stage.ts';
import { STORY } from './story.ts';
import type { World } from './world.ts';

const CHAPTER_MS = 6 * 60_000;

describe('the main job on a real two-node cluster', () => {
  let cluster: Cluster;
  let world: World;
  const said: string[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ instance: `e2e-${process.pid}`, life: 'Owner' });
    const image = await loadStoryImages(cluster);
    world = {
      cluster,
      stage: new Stage((line) => said.push(line)),
      image,
      before: [],
      sniffer: undefined,
      shimMacs: new Set(),
    };
  }, CHAPTER_MS);

  afterAll(async () => {
    await cluster?.down();
  }, CHAPTER_MS);

  test.each(STORY.map((chapter) => [chapter.title, chapter] as const))(
    '%s: every check holds',
    async (_title, chapter) => {
      const from = world.stage.checks.length;
      said.length = 0;
      await chapter.tell(world);
      const checks = world.stage.checks.slice(from);
      const broken = checks.filter((check) => !check.held);
      if (broken.length > 0) console.error(said.join('\n'));
      expect(broken).toEqual([]);
      expect(checks.length).toBeGreaterThan(0);
    },
    CHAPTER_MS,
  );
});
