import { Counter, exponentialBuckets, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueObserver } from '../controller/queue/work-queue.js';

/**
 * The metrics of a work queue by the names, labels and buckets that client-go and controller-runtime have for them, so that
 * dashboards and alerts made for those work.
 */
export function createQueueMetrics(registry: Registry): QueueObserver {
  const queue = counters(registry);
  const { waited, worked } = histograms(registry);
  const workers = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'How many instances are worked on now.',
    labelNames: ['controller'],
    registers: [registry],
  });
  workers.set({ controller: 'instances' }, 0);
  return {
    added: () => queue.adds.inc(NAME),
    retried: () => queue.retries.inc(NAME),
    started: (waitedMs) => waited.observe(NAME, waitedMs / 1000),
    finished: (workedMs) => worked.observe(NAME, workedMs / 1000),
    depth: (waiting, working) => {
      queue.depth.set(NAME, waiting);
      workers.set({ controller: 'instances' }, working);
    },
  };
}

const NAME = { name: 'instances' };

function counters(registry: Registry) {
  const shared = { labelNames: ['name'], registers: [registry] };
  const queue = {
    adds: new Counter({ name: 'workqueue_adds_total', help: 'How often an instance was queued.', ...shared }),
    retries: new Counter({
      name: 'workqueue_retries_total',
      help: 'How often an instance was queued again after a failure.',
      ...shared,
    }),
    depth: new Gauge({ name: 'workqueue_depth', help: 'How many instances wait to be worked on.', ...shared }),
  };
  queue.adds.inc(NAME, 0);
  queue.retries.inc(NAME, 0);
  queue.depth.set(NAME, 0);
  return queue;
}

function histograms(registry: Registry) {
  // 10 ns to 1000 s, as client-go has it
  const shared = { labelNames: ['name'], buckets: exponentialBuckets(10e-9, 10, 12), registers: [registry] };
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long an instance waited in the queue, in seconds.',
    ...shared,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long an instance was worked on, in seconds.',
    ...shared,
  });
  waited.zero(NAME);
  worked.zero(NAME);
  return { waited, worked };
}
