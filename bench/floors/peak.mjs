// Preloaded into a process whose memory is measured: leaves the most that it ever held, in KiB, in the file BENCH_PEAK.
// Not `resourceUsage().maxRSS`, which starts at what the parent held when it forked.
import { readFileSync, writeFileSync } from 'node:fs';

process.on('exit', () => {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  writeFileSync(process.env.BENCH_PEAK, peak ?? '');
});
