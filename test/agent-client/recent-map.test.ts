import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecentMap } from '../../src/agent-client/recent-map.js';

describe('a map of what was used last', () => {
  it('forgets what was used longest ago once it is full', () => {
    const map = createRecentMap<number>(3);
    for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, i);
    expect(map.get('a')).toBe(0);
    map.set('d', 3);
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([0, undefined, 2, 3]);
    expect(map.size).toBe(3);
  });

  it('replaces an entry without forgetting another one', () => {
    const map = createRecentMap<number>(2);
    map.set('a', 1);
    map.set('b', 1);
    map.set('a', 2);
    expect([map.get('a'), map.get('b'), map.size]).toEqual([2, 1, 2]);
  });

  it('never holds more than it may, nor anything but what was set last', () => {
    const use = fc.record({ key: fc.integer({ min: 0, max: 12 }).map(String), set: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(use, { maxLength: 80 }), (most, uses) => {
        const map = createRecentMap<number>(most);
        const last = new Map<string, number>();
        for (const [i, { key, set }] of uses.entries()) {
          if (set) {
            map.set(key, i);
            last.set(key, i);
            expect(map.get(key)).toBe(i);
          } else expect([undefined, last.get(key)]).toContain(map.get(key));
          expect(map.size).toBeLessThanOrEqual(most);
          if (last.size <= most) expect(map.size).toBe(last.size);
        }
      }),
    );
  });

  it('keeps all that is asked for in turn, as long as that is no more than it holds', () => {
    const map = createRecentMap<number>(10);
    for (let i = 0; i < 30; i++) map.set(`gone ${i}`, i);
    const live = Array.from({ length: 10 }, (_, i) => `live ${i}`);
    for (const key of live) map.set(key, 1);
    for (let sweep = 0; sweep < 3; sweep++) expect(live.every((key) => map.get(key) === 1)).toBe(true);
  });
});
