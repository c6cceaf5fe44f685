import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * What Prometheus' client libraries tell of a process, by their names. prom-client's own default metrics are left out: they
 * measure the event loop all the time, which costs about a hundredth of a core.
 */
export function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const cpu = (name: string, help: string, micros: (usage: NodeJS.CpuUsage) => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(micros(process.cpuUsage()) / 1e6);
      },
    });
  cpu('process_cpu_seconds_total', 'CPU time that was used, in seconds.', ({ user, system }) => user + system);
  cpu('process_cpu_user_seconds_total', 'CPU time that was used outside the kernel, in seconds.', ({ user }) => user);
  cpu('process_cpu_system_seconds_total', 'CPU time that was used in the kernel, in seconds.', ({ system }) => system);
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory that is in use, in bytes.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  const start = new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process was started, in seconds since 1970.',
    registers,
  });
  start.set(Math.round(Date.now() / 1000 - process.uptime()));
}
