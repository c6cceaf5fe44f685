import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createChangeFilter } from '../../src/notify/change-filter.js';
import type { Notice } from '../../src/notify/notifier.js';
import { NOTICE } from './support.js';

const notice = (kind: Notice['kind'], change: Partial<Notice> = {}): Notice => ({ ...NOTICE, kind, ...change });

/** The kinds that were told, of these. */
function told(notices: Notice[], filter = createChangeFilter()): string[] {
  return notices.filter((one) => filter.isChange(one)).map(({ kind }) => kind);
}

const troubleArbitrary = fc.constantFrom<Notice['kind']>('UpgradeFailed', 'RolledBack', 'Stalled', 'DriftDetected');

test('the same trouble is told once, however often it comes', () => {
  fc.assert(
    fc.property(troubleArbitrary, fc.integer({ min: 1, max: 50 }), (kind, times) => {
      expect(told(Array.from({ length: times }, () => notice(kind)))).toEqual([kind]);
    }),
  );
});

test('between two times that it was well, each trouble of each reason is told once, and each end of troubles once', () => {
  const step = fc.record({
    kind: fc.oneof(troubleArbitrary, fc.constant<Notice['kind']>('Recovered')),
    reason: fc.constantFrom('VerifyFailed', 'HostUnreachable', 'PullFailed'),
    slug: fc.constantFrom('acme', 'zenith'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const filter = createChangeFilter();
      const open = new Map<string, Set<string>>();
      for (const { kind, ...change } of steps) {
        const known = open.get(change.slug) ?? new Set();
        const name = `${kind} ${change.reason}`;
        const expected = kind === 'Recovered' ? known.size > 0 : !known.has(name);
        expect(filter.isChange(notice(kind, change))).toBe(expected);
        open.set(change.slug, kind === 'Recovered' ? new Set() : known.add(name));
      }
    }),
  );
});

describe('what is told', () => {
  test('a failure, a success and the same failure', () => {
    const all = [notice('UpgradeFailed'), notice('UpgradeSucceeded'), notice('UpgradeFailed')];
    expect(told(all)).toEqual(['UpgradeFailed', 'UpgradeSucceeded', 'UpgradeFailed']);
  });

  test('a success once, and again after a trouble or for something else', () => {
    const success = notice('UpgradeSucceeded');
    expect(told([success, success])).toHaveLength(1);
    expect(told([success, notice('DriftDetected'), success])).toHaveLength(3);
    expect(told([success, { ...success, toImageTag: 'v1.2.0' }])).toHaveLength(2);
    expect(told([success, { ...success, revision: 'other' }])).toHaveLength(2);
  });

  test('the same failure of another revision or tag', () => {
    const failure = notice('UpgradeFailed');
    const all = [failure, { ...failure, revision: 'other' }, failure, { ...failure, toImageTag: 'v9' }];
    expect(told(all)).toHaveLength(4);
  });

  test('a failure and a rollback once each, though every retry brings both', () => {
    const retry = [notice('UpgradeFailed'), notice('RolledBack')];
    expect(told([...retry, ...retry, ...retry])).toEqual(['UpgradeFailed', 'RolledBack']);
  });

  test('no recovery where no trouble was told, nor after a success that told it already', () => {
    expect(told([notice('Recovered')])).toEqual([]);
    expect(told([notice('UpgradeSucceeded'), notice('Recovered')])).toEqual(['UpgradeSucceeded']);
    const all = [notice('Stalled'), notice('UpgradeSucceeded'), notice('Recovered')];
    expect(told(all)).toEqual(['Stalled', 'UpgradeSucceeded']);
    expect(told([notice('Stalled'), notice('Recovered'), notice('Recovered')])).toEqual(['Stalled', 'Recovered']);
  });

  test('drift that is healed, each time, though nothing is said between two heals; without a recovery', () => {
    const healed = notice('DriftDetected', { severity: 'info', reason: 'Healed' });
    expect(told([healed, healed, healed])).toHaveLength(3);
    expect(told([healed, notice('Recovered'), healed])).toEqual(['DriftDetected', 'DriftDetected']);
    expect(told([notice('UpgradeSucceeded'), healed, healed])).toHaveLength(3);
  });

  test('drift that is healed as the end of what went before, so that the same is told anew', () => {
    const healed = notice('DriftDetected', { severity: 'info', reason: 'Healed' });
    const reported = notice('DriftDetected', { reason: 'DriftReported' });
    expect(told([reported, healed, notice('Recovered')])).toEqual(['DriftDetected', 'DriftDetected']);
    expect(told([reported, healed, reported])).toHaveLength(3);
    expect(told([notice('UpgradeFailed'), healed, notice('UpgradeFailed')])).toHaveLength(3);
  });

  test('a removal that fails once for each reason, whatever revision comes meanwhile, and its end each time', () => {
    const failed = notice('TakeDownFailed');
    const done = notice('TakenDown', { severity: 'info', toImageTag: null });
    expect(told([failed, { ...failed, revision: 'other' }, { ...failed, reason: 'PlanStale' }, done])).toEqual([
      'TakeDownFailed',
      'TakeDownFailed',
      'TakenDown',
    ]);
    expect(told([failed, done, failed, done])).toHaveLength(4);
    expect(told([notice('UpgradeSucceeded'), done, notice('UpgradeSucceeded')])).toHaveLength(3);
    expect(told([failed, done, notice('Recovered')])).not.toContain('Recovered');
  });

  test('retries of a heal that fails once, and the heal that succeeds', () => {
    const healed = notice('DriftDetected', { severity: 'info', reason: 'Healed' });
    const retries = Array.from({ length: 10 }, () => notice('UpgradeFailed'));
    expect(told([...retries, healed])).toEqual(['UpgradeFailed', 'DriftDetected']);
  });

  test('troubles of the source by themselves', () => {
    const source = { slug: null, host: null, fleet: null, toImageTag: null, reason: 'SourceUnreadable' };
    const all = [
      notice('SourceRecovered', source),
      notice('SourceFailed', source),
      notice('Recovered'),
      notice('SourceFailed', source),
      notice('SourceRecovered', source),
      notice('SourceRefused', source),
      notice('SourceRefused', source),
    ];
    expect(told(all)).toEqual(['SourceFailed', 'SourceRecovered', 'SourceRefused']);
  });

  test('a revision that the source refuses, once each, though another trouble comes between', () => {
    const source = { slug: null, host: null, fleet: null, toImageTag: null, revision: null };
    const refused = (commit: string) =>
      notice('SourceFailed', { ...source, reason: 'SourceRefused', message: `commit ${commit} is not signed` });
    const unreadable = (message: string) => notice('SourceFailed', { ...source, reason: 'SourceUnreadable', message });
    const filter = createChangeFilter();
    const all = [refused('a'), refused('a'), unreadable('no way'), refused('a'), refused('b'), unreadable('no name')];
    expect(all.map((each) => filter.isChange(each))).toEqual([true, false, true, false, true, false]);
  });
});

test('an instance that is forgotten starts anew', () => {
  const filter = createChangeFilter();
  expect(told([notice('Stalled')], filter)).toHaveLength(1);
  filter.forget('acme');
  expect(told([notice('Recovered'), notice('Stalled')], filter)).toEqual(['Stalled']);
});

test('of more instances than it remembers, those longest not heard of are forgotten', () => {
  const filter = createChangeFilter(3);
  const of = (slug: string) => filter.isChange(notice('Stalled', { slug }));
  expect(['a', 'b', 'c', 'a', 'd'].map(of)).toEqual([true, true, true, false, true]);
  expect(['a', 'c', 'd'].map(of)).toEqual([false, false, false]);
  expect(of('b')).toBe(true);
});
