import { Counter, Histogram, type Registry } from 'prom-client';
import type { WatchObserver } from '../controller/watch/watch-observer.js';

/** Passes over instances, by the names, labels and buckets of controller-runtime; and upgrades. */
export function createReconcileMetrics(registry: Registry): Pick<WatchObserver, 'reconciled' | 'upgraded'> {
  const passes = passMetrics(registry);
  const upgrades = upgradeMetrics(registry);
  return {
    reconciled({ result, error, seconds }) {
      passes.total.inc({ ...CONTROLLER, result: RESULTS[result] });
      passes.time.observe(CONTROLLER, seconds);
      if (result === 'failed') passes.errors.inc(CONTROLLER);
      if (error !== '') passes.codes.inc({ code: error });
    },
    upgraded({ result, cause, seconds }) {
      upgrades.total.inc({ result, cause });
      upgrades.time.observe({ result }, seconds);
    },
  };
}

const CONTROLLER = { controller: 'instances' };

/** What controller-runtime would call it: done, looked at again later by itself, or failed. */
const RESULTS = {
  inSync: 'success',
  converged: 'success',
  changed: 'requeue_after',
  waiting: 'requeue_after',
  failed: 'error',
} as const;

const PASS_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

function passMetrics(registry: Registry) {
  const registers = [registry];
  const passes = {
    total: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Passes over an instance, by result: success, requeue_after (a gate holds it) or error.',
      labelNames: ['controller', 'result'],
      registers,
    }),
    errors: new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Passes over an instance that failed.',
      labelNames: ['controller'],
      registers,
    }),
    codes: new Counter({
      name: 'flotilla_reconcile_errors_total',
      help: 'Errors of passes over an instance, by code.',
      labelNames: ['code'],
      registers,
    }),
    time: new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long a pass over an instance took, in seconds.',
      labelNames: ['controller'],
      buckets: PASS_BUCKETS,
      registers,
    }),
  };
  for (const result of new Set(Object.values(RESULTS))) passes.total.inc({ ...CONTROLLER, result }, 0);
  passes.errors.inc(CONTROLLER, 0);
  passes.time.zero(CONTROLLER);
  return passes;
}

function upgradeMetrics(registry: Registry) {
  const registers = [registry];
  const upgrades = {
    total: new Counter({
      name: 'flotilla_upgrades_total',
      help: 'Applies that have ended, by how they ended and why they were made.',
      labelNames: ['result', 'cause'],
      registers,
    }),
    time: new Histogram({
      name: 'flotilla_upgrade_duration_seconds',
      help: 'How long an apply took, in seconds, by how it ended.',
      labelNames: ['result'],
      buckets: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600],
      registers,
    }),
  };
  for (const result of ['converged', 'failed', 'rolledBack', 'superseded', 'interrupted']) {
    for (const cause of ['update', 'drift', 'other']) upgrades.total.inc({ result, cause }, 0);
  }
  return upgrades;
}
