import { expect, it } from 'vitest';
import { createProgressGuard } from '../../../src/controller/watch/progress-guard.js';
import type { Plan } from '../../../src/plan/plan.js';
import { emptyPlan } from '../../support/report-fixtures.js';

const MINUTE_MS = 60_000;
const NO_PROGRESS = expect.objectContaining({ code: 'NoProgress', terminal: true });

const plan = (service: string, cause = 'drift of containers', over: Partial<Plan> = {}) =>
  emptyPlan({ operations: [{ kind: 'up', services: [service], recreate: [], cause }], ...over });

/** A guard, and a clock that stands still unless `pass` moves it. */
function setUp() {
  const guard = createProgressGuard();
  let nowMs = 0;
  return {
    guard,
    pass: (ms: number) => {
      nowMs += ms;
    },
    begin: (each: Plan) => guard.beforeApply(each, nowMs),
    apply(each: Plan) {
      guard.beforeApply(each, nowMs);
      guard.applied(nowMs);
    },
  };
}

it('lets the same plan be applied twice, and refuses it then, saying what is left over', () => {
  const { begin, apply } = setUp();
  apply(plan('web'));
  apply(plan('web'));
  expect(() => begin(plan('web'))).toThrow(NO_PROGRESS);
  expect(() => begin(plan('web'))).toThrow(/applied 2 times with success.*: up$/);
});

it('takes plans that differ in their causes alone as the same: those tell of times and attempts', () => {
  const { begin, apply } = setUp();
  apply(plan('web', 'exited 3 s ago'));
  apply(plan('web', 'exited 7 s ago'));
  expect(() => begin(plan('web', 'exited 9 s ago'))).toThrow(NO_PROGRESS);
});

it('begins anew with another plan, and with other files', () => {
  const { begin, apply } = setUp();
  apply(plan('web'));
  apply(plan('web'));
  apply(plan('proxy'));
  apply(plan('web'));
  apply(plan('web'));
  apply(plan('web', '', { digest: 'sha256:2' }));
  expect(() => begin(plan('web'))).not.toThrow();
});

it('begins anew when something else is desired', () => {
  const { guard, begin, apply } = setUp();
  apply(plan('web'));
  apply(plan('web'));
  guard.reset();
  expect(() => begin(plan('web'))).not.toThrow();
});

it('lets what is undone now and then be mended for ever', () => {
  const { guard, begin, apply, pass } = setUp();
  for (let round = 0; round < 100; round += 1) {
    apply(plan('web'));
    guard.settled();
    pass(2 * MINUTE_MS);
  }
  expect(() => begin(plan('web'))).not.toThrow();
});

it('refuses what is undone again and again within minutes, though all was in order in between', () => {
  const { guard, begin, apply, pass } = setUp();
  for (let round = 0; round < 10; round += 1) {
    apply(plan('web'));
    guard.settled();
    pass(MINUTE_MS / 2);
  }
  expect(() => begin(plan('web'))).toThrow(NO_PROGRESS);
  guard.reset();
  expect(() => begin(plan('web'))).not.toThrow();
});

it('does not count an apply that failed: that is tried again for as long as it takes', () => {
  const { begin } = setUp();
  for (let tries = 0; tries < 50; tries += 1) expect(() => begin(plan('web'))).not.toThrow();
});
