import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { WatchObserver } from '../controller/watch/watch-observer.js';

type FleetObserver = Omit<WatchObserver, 'reconciled' | 'upgraded'>;

/** What the daemon knows of its source, the fleet, its history and its notifications. */
export function createWatchMetrics(registry: Registry): FleetObserver {
  return {
    ...sourceMetrics(registry),
    ...fleetMetrics(registry),
    ...historyMetrics(registry),
    notified: countBy(registry, 'flotilla_notifications_total', 'Notifications, by what became of them.', 'outcome', [
      'sent',
      'failed',
      'dropped',
    ]),
  };
}

function sourceMetrics(registry: Registry): Pick<FleetObserver, 'sourceRead' | 'problems'> {
  const registers = [registry];
  const read = countBy(
    registry,
    'flotilla_source_reads_total',
    'How often desired state was read, by what became of it.',
    'outcome',
    ['accepted', 'unchanged', 'refused', 'failed'],
  );
  const time = new Histogram({
    name: 'flotilla_source_read_duration_seconds',
    help: 'How long reading desired state took, in seconds.',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const accepted = new Gauge({
    name: 'flotilla_source_last_accepted_timestamp_seconds',
    help: 'When desired state was last read and in order, changed or not, in seconds since 1970; 0 when it never was.',
    registers,
  });
  const problems = new Gauge({
    name: 'flotilla_desired_problems',
    help: 'How many problems desired state has.',
    registers,
  });
  return {
    sourceRead(outcome, seconds) {
      read(outcome);
      time.observe(seconds);
      if (outcome === 'accepted' || outcome === 'unchanged') accepted.setToCurrentTime();
    },
    problems: (count) => problems.set(count),
  };
}

function fleetMetrics(registry: Registry): Pick<FleetObserver, 'instances' | 'hosts' | 'driftSeen'> {
  const registers = [registry];
  const desired = new Gauge({ name: 'flotilla_desired_instances', help: 'How many instances there are.', registers });
  const instances = new Gauge({
    name: 'flotilla_instances',
    help: 'How many instances are in a state; one can be in several.',
    labelNames: ['state'],
    registers,
  });
  const hosts = new Gauge({
    name: 'flotilla_hosts',
    help: 'How many hosts could be looked at when last tried, and how many could not, for whatever reason.',
    labelNames: ['state'],
    registers,
  });
  return {
    instances({ total, ...states }) {
      desired.set(total);
      for (const [state, count] of Object.entries(states)) instances.set({ state }, count);
    },
    hosts({ connected, total }) {
      hosts.set({ state: 'connected' }, connected);
      hosts.set({ state: 'disconnected' }, total - connected);
    },
    driftSeen: countBy(registry, 'flotilla_drift_total', 'Drift that was found, by what had changed.', 'kind', [
      'file',
      'container',
    ]),
  };
}

function historyMetrics(registry: Registry): Pick<FleetObserver, 'historyFailed' | 'historyWaiting'> {
  const registers = [registry];
  const errors = new Counter({
    name: 'flotilla_history_errors_total',
    help: 'How often the history could not be written.',
    registers,
  });
  const waiting = new Gauge({
    name: 'flotilla_history_waiting',
    help: 'How many decisions and upgrades wait to be written.',
    registers,
  });
  return { historyFailed: () => errors.inc(), historyWaiting: (count) => waiting.set(count) };
}

/** Gives what counts; every value of the label is there from the start, as 0, so that its first rise can be seen. */
function countBy<Value extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly Value[],
): (value: Value) => void {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
  for (const value of values) counter.inc({ [label]: value }, 0);
  return (value) => counter.inc({ [label]: value });
}
