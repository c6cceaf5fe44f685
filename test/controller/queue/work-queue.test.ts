import { describe, expect, test } from 'vitest';
import { settle, simulate } from './simulation.js';

describe('adding', () => {
  test('a key that is added many times while it waits is worked on once', async () => {
    const { queue, started, finishAll } = simulate();
    for (let i = 0; i < 5; i += 1) queue.add('a/1');
    expect(started).toEqual([]);
    await finishAll();
    expect(started).toEqual(['a/1']);
  });

  test('a key that is added while it is worked on is worked on once more afterwards', async () => {
    const { queue, started, working, finish, finishAll } = simulate();
    queue.add('a/1');
    await settle();
    queue.add('a/1');
    queue.add('a/1');
    await settle();
    expect(working()).toEqual(['a/1']);
    expect(queue.size()).toEqual({ waiting: 0, working: 1, delayed: 0 });
    await finish('a/1');
    expect(started).toEqual(['a/1', 'a/1']);
    expect(queue.isWorking('a/1')).toBe(true);
    await finishAll();
    expect(started).toHaveLength(2);
    expect(queue.isWorking('a/1')).toBe(false);
  });

  test('ten thousand keys added at once are all worked on, each once, in turn of their lanes', async () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `${i % 40}/${i}`);
    const started: string[] = [];
    const { queue } = simulate({ concurrency: { total: 16, perLane: 2 }, work: async (key) => void started.push(key) });
    for (const key of keys) queue.add(key);
    while (queue.size().waiting + queue.size().working > 0) await settle();
    expect(started).toHaveLength(10_000);
    expect(new Set(started)).toEqual(new Set(keys));
  });

  test('what is heard of the queue is what it did', async () => {
    const heard: unknown[] = [];
    const { queue, advance, finish } = simulate({
      concurrency: { total: 1, perLane: 1 },
      observer: {
        added: () => heard.push('added'),
        retried: () => heard.push('retried'),
        started: (ms) => heard.push(['started', ms]),
        finished: (ms) => heard.push(['finished', ms]),
        depth: (waiting, working) => heard.push(['depth', waiting, working]),
      },
    });
    queue.add('a/1');
    queue.add('a/2');
    queue.add('a/2');
    await settle();
    await advance(70);
    await finish('a/1');
    queue.retry('a/1');
    expect(heard).toEqual([
      'added',
      'added',
      ['started', 0],
      ['depth', 1, 1],
      ['finished', 70],
      ['started', 70],
      ['depth', 0, 1],
      'retried',
    ]);
  });
});

describe('lanes', () => {
  test('a lane that is full is in the way of no other', async () => {
    const { queue, working } = simulate({ concurrency: { total: 4, perLane: 1 } });
    for (let i = 0; i < 100; i += 1) queue.add(`full/${i}`);
    queue.add('free/1');
    await settle();
    expect(working()).toEqual(['full/0', 'free/1']);
  });

  test('lanes take turns, however much one of them has', async () => {
    const { queue, started, finishAll } = simulate({ concurrency: { total: 1, perLane: 1 } });
    for (const key of ['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'c/1', 'b/2']) queue.add(key);
    await finishAll();
    expect(started).toEqual(['a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'a/3', 'a/4']);
  });

  test('a key whose lane became another while it waited is worked on in that lane', async () => {
    const hosts = new Map([['acme', 'north']]);
    const { queue, started, working, finish } = simulate({
      laneOf: (key) => hosts.get(key) ?? 'north',
      concurrency: { total: 9, perLane: 1 },
    });
    for (const key of ['first', 'acme', 'last']) queue.add(key);
    await settle();
    hosts.set('acme', 'south');
    await finish('first');
    expect(started).toHaveLength(3);
    expect(new Set(working())).toEqual(new Set(['last', 'acme']));
  });

  test('adding a key again moves it out of a lane that is full and no longer its own', async () => {
    const hosts = new Map([['acme', 'north']]);
    const { queue, working } = simulate({
      laneOf: (key) => hosts.get(key) ?? 'north',
      concurrency: { total: 9, perLane: 1 },
    });
    for (const key of ['first', 'acme']) queue.add(key);
    await settle();
    hosts.set('acme', 'south');
    queue.add('acme');
    await settle();
    expect(working()).toEqual(['first', 'acme']);
  });

  test('more slots are used at once; with fewer, what is at work comes to its end', async () => {
    const { queue, working, finish } = simulate({ concurrency: { total: 1, perLane: 1 } });
    for (let i = 0; i < 9; i += 1) queue.add(`a/${i}`);
    await settle();
    queue.reconfigure({ total: 3, perLane: 3 });
    await settle();
    expect(working()).toEqual(['a/0', 'a/1', 'a/2']);
    queue.reconfigure({ total: 3, perLane: 1 });
    await finish('a/0');
    await finish('a/1');
    expect(working()).toEqual(['a/2']);
    await finish('a/2');
    expect(working()).toEqual(['a/3']);
  });
});

describe('later', () => {
  test('of several delays of a key the soonest holds, and adding it now does not end them', async () => {
    const { queue, started, advance, finish } = simulate();
    queue.addAfter('a/1', 500);
    queue.addAfter('a/1', 200);
    queue.addAfter('a/1', 900);
    queue.add('a/1');
    await settle();
    await finish('a/1');
    expect(started).toHaveLength(1);
    await advance(199);
    expect(started).toHaveLength(1);
    await advance(1);
    expect(started).toHaveLength(2);
    await finish('a/1');
    await advance(10_000);
    expect(started).toHaveLength(2);
  });

  test('however many keys wait, there is one timer, and none when nothing waits', () => {
    const { queue, timers } = simulate();
    for (let i = 0; i < 10_000; i += 1) queue.addAfter(`a/${i}`, 10_000 - i);
    expect(timers()).toBe(1);
    expect(queue.size().delayed).toBe(10_000);
    for (let i = 0; i < 10_000; i += 1) queue.remove(`a/${i}`);
    expect(timers()).toBe(0);
    expect(queue.size().delayed).toBe(0);
  });

  test('back-offs double up to the most, whatever the number of failures, and start again when forgotten', () => {
    const { queue } = simulate({ backoff: { firstMs: 1_000, mostMs: 60_000 }, random: () => 0 });
    const waits = Array.from({ length: 5_000 }, () => queue.retry('a/1'));
    expect(waits.slice(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(waits.at(-1)).toBe(30_000);
    queue.forget('a/1');
    expect(queue.retry('a/1')).toBe(500);
    expect(queue.retry('a/2')).toBe(500);
  });

  test('forgetting a key drops its retry and leaves what was asked for later', async () => {
    const { queue, started, advance } = simulate();
    queue.retry('a/1');
    queue.addAfter('a/1', 5_000);
    expect(queue.size().delayed).toBe(1);
    queue.forget('a/1');
    await advance(4_999);
    expect(started).toEqual([]);
    await advance(1);
    expect(started).toEqual(['a/1']);
  });

  test('the wait that a retry gives is when it is tried again', async () => {
    const { queue, started, advance } = simulate();
    queue.retry('a/1');
    const wait = queue.retry('a/1');
    await advance(wait - 1);
    expect(started).toEqual([]);
    await advance(1);
    expect(started).toEqual(['a/1']);
  });

  test('work that throws is told and retried', async () => {
    const { queue, started, crashes, advance, finish } = simulate();
    const bug = new Error('bug');
    queue.add('a/1');
    await settle();
    await finish('a/1', bug);
    expect(crashes).toEqual([{ key: 'a/1', error: bug }]);
    expect(queue.isWorking('a/1')).toBe(false);
    await advance(500);
    expect(started).toEqual(['a/1', 'a/1']);
  });

  test('work that throws before it has given a promise is no different', async () => {
    const crashes: string[] = [];
    const { queue } = simulate({
      work: () => {
        throw new Error('bug');
      },
      onCrash: (key) => crashes.push(key),
    });
    queue.add('a/1');
    await settle();
    expect(crashes).toEqual(['a/1']);
    expect(queue.size()).toEqual({ waiting: 0, working: 0, delayed: 1 });
  });
});

describe('the end', () => {
  test('a key that was removed is worked on nowhere, wherever it waited', async () => {
    const { queue, started, advance, finishAll } = simulate({ concurrency: { total: 1, perLane: 1 } });
    for (const key of ['a/0', 'a/1', 'a/2']) queue.add(key);
    await settle();
    queue.remove('a/1');
    queue.addAfter('a/3', 10);
    queue.retry('a/4');
    queue.remove('a/3');
    queue.remove('a/4');
    await finishAll();
    await advance(100_000);
    expect(started).toEqual(['a/0', 'a/2']);
    expect(queue.size()).toEqual({ waiting: 0, working: 0, delayed: 0 });
    expect(queue.retry('a/4')).toBe(500);
  });

  test('a key that was removed at work is let end and not done again, not even as a retry of that work', async () => {
    const { queue, started, advance, finish } = simulate();
    queue.add('a/1');
    await settle();
    queue.add('a/1');
    queue.remove('a/1');
    expect(queue.isWorking('a/1')).toBe(true);
    queue.retry('a/1');
    await finish('a/1', new Error('bug'));
    await advance(100_000);
    expect(started).toEqual(['a/1']);
  });

  test('a key that was removed at work and came back is worked on', async () => {
    const { queue, started, finish } = simulate();
    queue.add('a/1');
    await settle();
    queue.remove('a/1');
    queue.add('a/1');
    await finish('a/1');
    expect(started).toEqual(['a/1', 'a/1']);
  });

  test('draining starts nothing more and waits for what is at work', async () => {
    const { queue, started, timers, advance, finish } = simulate({ concurrency: { total: 1, perLane: 1 } });
    for (const key of ['a/1', 'a/2']) queue.add(key);
    queue.addAfter('a/3', 10);
    await settle();
    queue.add('a/1');
    let isDrained = false;
    const drained = queue.drain().then(() => {
      isDrained = true;
    });
    queue.add('a/4');
    queue.addAfter('a/5', 10);
    queue.retry('a/6');
    expect(timers()).toBe(0);
    await advance(100_000);
    expect(isDrained).toBe(false);
    await finish('a/1');
    await drained;
    await settle();
    expect(started).toEqual(['a/1']);
    expect(queue.size()).toEqual({ waiting: 0, working: 0, delayed: 0 });
    await queue.drain();
  });

  test('what was added right before it is drained is not started', async () => {
    const { queue, started } = simulate();
    queue.add('a/1');
    await queue.drain();
    expect(started).toEqual([]);
  });
});
