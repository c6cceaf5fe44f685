import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/api/create-metrics.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/promtool.sh', import.meta.url));

/** Metrics of a daemon that has done some of everything. */
function busy() {
  const metrics = createMetrics({ version: '1.2.3' });
  const { queue, watch } = metrics;
  queue.added();
  queue.added();
  queue.retried();
  queue.started(1500);
  queue.finished(250);
  queue.depth(7, 3);
  watch.reconciled({ result: 'inSync', error: '', seconds: 0.25 });
  watch.reconciled({ result: 'waiting', error: '', seconds: 0.25 });
  watch.reconciled({ result: 'failed', error: 'ImageNotFound', seconds: 2 });
  watch.upgraded({ result: 'converged', cause: 'update', seconds: 42 });
  watch.driftSeen('container');
  watch.sourceRead('accepted', 0.5);
  watch.sourceRead('refused', 0.5);
  watch.instances({ ready: 4, reconciling: 1, stalled: 2, drifted: 3, suspended: 1, total: 8 });
  watch.hosts({ connected: 2, total: 5 });
  watch.problems(6);
  watch.historyFailed();
  watch.historyWaiting(9);
  watch.notified('dropped');
  return metrics;
}

describe('the metrics', () => {
  it('are in order, as promtool sees them', async () => {
    const promtool = execFileSync(SCRIPT, { encoding: 'utf8', timeout: 300_000 }).trim();
    const check = (input: string) =>
      execFileSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8', timeout: 60_000, stdio: 'pipe' });
    expect(check(await busy().registry.metrics())).toBe('');
    expect(() => check('# TYPE a counter\na 1\n')).toThrow();
  }, 400_000);

  it('tell what was done', async () => {
    const text = await busy().registry.metrics();
    const lines = text.split('\n');
    for (const line of [
      'workqueue_adds_total{name="instances"} 2',
      'workqueue_retries_total{name="instances"} 1',
      'workqueue_depth{name="instances"} 7',
      'workqueue_queue_duration_seconds_sum{name="instances"} 1.5',
      'workqueue_work_duration_seconds_sum{name="instances"} 0.25',
      'controller_runtime_active_workers{controller="instances"} 3',
      'controller_runtime_reconcile_total{controller="instances",result="success"} 1',
      'controller_runtime_reconcile_total{controller="instances",result="requeue_after"} 1',
      'controller_runtime_reconcile_total{controller="instances",result="error"} 1',
      'controller_runtime_reconcile_errors_total{controller="instances"} 1',
      'controller_runtime_reconcile_time_seconds_count{controller="instances"} 3',
      'flotilla_reconcile_errors_total{code="ImageNotFound"} 1',
      'flotilla_upgrades_total{result="converged",cause="update"} 1',
      'flotilla_upgrades_total{result="failed",cause="drift"} 0',
      'flotilla_upgrades_total{result="interrupted",cause="update"} 0',
      'flotilla_upgrade_duration_seconds_sum{result="converged"} 42',
      'flotilla_drift_total{kind="container"} 1',
      'flotilla_drift_total{kind="file"} 0',
      'flotilla_source_reads_total{outcome="accepted"} 1',
      'flotilla_source_reads_total{outcome="refused"} 1',
      'flotilla_source_read_duration_seconds_sum 1',
      'flotilla_desired_instances 8',
      'flotilla_instances{state="stalled"} 2',
      'flotilla_hosts{state="connected"} 2',
      'flotilla_hosts{state="disconnected"} 3',
      'flotilla_desired_problems 6',
      'flotilla_history_errors_total 1',
      'flotilla_history_waiting 9',
      'flotilla_notifications_total{outcome="dropped"} 1',
      'flotilla_build_info{version="1.2.3"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('tell of the process', async () => {
    const { registry } = createMetrics({ version: '1' });
    const valueNow = async (name: string) =>
      Number(new RegExp(`^${name} (.*)$`, 'm').exec(await registry.metrics())?.[1]);
    expect(await valueNow('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(
      Math.abs((await valueNow('process_start_time_seconds')) - (Date.now() / 1000 - process.uptime())),
    ).toBeLessThan(60);
    const before = await valueNow('process_cpu_seconds_total');
    while (process.cpuUsage().user / 1e6 < before + 0.01);
    expect(await valueNow('process_cpu_seconds_total')).toBeGreaterThan(before);
  });

  it('say when desired state was last in order: not before it was, and not by a refusal', async () => {
    const { registry, watch } = createMetrics({ version: '1' });
    const last = async () =>
      Number(/^flotilla_source_last_accepted_timestamp_seconds (.*)$/m.exec(await registry.metrics())?.[1]);
    watch.sourceRead('refused', 1);
    watch.sourceRead('failed', 1);
    expect(await last()).toBe(0);
    watch.sourceRead('unchanged', 1);
    expect(await last()).toBeGreaterThan(1e9);
  });

  it('of two daemons in one process are apart', async () => {
    const [one, other] = [createMetrics({ version: '1' }), createMetrics({ version: '2' })];
    one.queue.added();
    expect(await other.registry.metrics()).toContain('workqueue_adds_total{name="instances"} 0\n');
  });
});
