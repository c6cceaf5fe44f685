import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Concurrency } from '../../../src/controller/queue/lanes.js';
import type { WorkQueue } from '../../../src/controller/queue/work-queue.js';
import { createQueueModel } from './queue-model.js';
import { settle, simulate } from './simulation.js';

const LANES = ['a', 'b', 'c', 'd'];
const KEYS = LANES.flatMap((lane) => Array.from({ length: 6 }, (_, i) => `${lane}/${i}`));
const keyArbitrary = fc.constantFrom(...KEYS);
const concurrencyArbitrary = fc.record({
  total: fc.integer({ min: 1, max: 6 }),
  perLane: fc.integer({ min: 1, max: 3 }),
});

type Step =
  | { do: 'add'; keys: string[] }
  | { do: 'addAfter'; key: string; ms: number }
  | { do: 'retry' | 'forget' | 'remove'; key: string }
  | { do: 'finish'; which: number }
  | { do: 'advance'; ms: number }
  | { do: 'reconfigure'; concurrency: Concurrency };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add'), keys: fc.array(keyArbitrary, { maxLength: 8 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('addAfter'), key: keyArbitrary, ms: fc.nat(3_000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('retry', 'forget', 'remove'), key: keyArbitrary }) },
  { weight: 7, arbitrary: fc.record({ do: fc.constant('finish'), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconfigure'), concurrency: concurrencyArbitrary }) },
);

/**
 * The model says at every start whether it was allowed (wanted, first of its lane, not at work already, slots free, no lane
 * passed over twice), and after every step whether the queue holds what it should and nothing waits that may start.
 */
test('whatever is done to it, the queue does what a plain model of it does', async () => {
  await fc.assert(
    fc.asyncProperty(
      concurrencyArbitrary,
      fc.array(stepArbitrary, { maxLength: 60 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (concurrency, steps, numbers) => {
        const backoff = { firstMs: 100, mostMs: 1_500 };
        const model = createQueueModel(concurrency, backoff, () => nowMs());
        const { nowMs, queue, finish, working, advance } = simulate(
          { concurrency, backoff, random: () => numbers.next().value as number },
          (key) => model.start(key),
        );
        const finishOne = async (which: number) => {
          const key = working()[which % Math.max(1, working().length)];
          if (key === undefined) return;
          model.finish(key);
          await finish(key);
        };
        for (const step of steps) {
          await take(step, { model, queue, finishOne, advance });
          await settle();
          expect(queue.size()).toEqual(model.size());
          expect(model.mayStart()).toEqual([]);
          expect(model.faults).toEqual([]);
        }
        // Nothing that was asked for is lost: once time has passed and all work has ended, all has been started.
        await advance(10_000);
        while (working().length > 0) await finishOne(0);
        expect(model.size()).toEqual({ waiting: 0, working: 0, delayed: 0 });
        expect(model.faults).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

interface Both {
  model: ReturnType<typeof createQueueModel>;
  queue: WorkQueue;
  finishOne: (which: number) => Promise<void>;
  advance: (ms: number) => Promise<void>;
}

async function take(step: Step, { model, queue, finishOne, advance }: Both): Promise<void> {
  switch (step.do) {
    case 'add':
      for (const key of step.keys) model.add(key);
      for (const key of step.keys) queue.add(key);
      return;
    case 'addAfter':
      model.addAfter(step.key, step.ms);
      return queue.addAfter(step.key, step.ms);
    case 'retry':
      return model.retry(step.key, queue.retry(step.key));
    case 'forget':
    case 'remove':
      model[step.do](step.key);
      return queue[step.do](step.key);
    case 'finish':
      return finishOne(step.which);
    case 'advance':
      return advance(step.ms);
    case 'reconfigure':
      model.reconfigure(step.concurrency);
      return queue.reconfigure(step.concurrency);
  }
}
