import { Gauge, Registry } from 'prom-client';
import type { QueueObserver } from '../controller/queue/work-queue.js';
import type { WatchObserver } from '../controller/watch/watch-observer.js';
import { addProcessMetrics } from './process-metrics.js';
import { createQueueMetrics } from './queue-metrics.js';
import { createReconcileMetrics } from './reconcile-metrics.js';
import { createWatchMetrics } from './watch-metrics.js';

export interface Metrics {
  /** Of this daemon alone; what `/metrics` answers from. */
  registry: Registry;
  queue: QueueObserver;
  watch: WatchObserver;
}

/**
 * Every number that the daemon tells of itself. No label names an instance, so that their number does not grow with the fleet.
 */
export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const build = new Gauge({
    name: 'flotilla_build_info',
    help: 'The version that runs, as a label; always 1.',
    labelNames: ['version'],
    registers,
  });
  build.set({ version }, 1);
  addProcessMetrics(registry);
  return {
    registry,
    queue: createQueueMetrics(registry),
    watch: { ...createReconcileMetrics(registry), ...createWatchMetrics(registry) },
  };
}
