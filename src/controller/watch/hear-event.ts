import type { HostEvent } from '../../agent-client/tenant-driver.js';
import type { HostSweeps } from './host-sweep.js';
import { isBackingOff } from './look-at.js';
import type { WatchContext } from './watch-context.js';
import { LOOKS_AFTER_A_DEATH } from './work-instance.js';

/** What ends a container. */
const ENDS = new Set(['die', 'kill', 'oom', 'stop', 'destroy', 'pause']);

/** Something happened on a host: it says only where to look. */
export function hearEvent({ state, queue }: WatchContext, sweeps: HostSweeps, host: string, event: HostEvent): void {
  if (event.type === 'resync') {
    sweeps.sweep(host);
    return;
  }
  const { slug } = event;
  const runtime = state.runtimes.get(slug);
  if (!runtime || isBackingOff(runtime)) return;
  // Most likely it is our own doing.
  if (queue.isWorking(slug)) {
    sweeps.look(slug);
    return;
  }
  if (event.type === 'container' && ENDS.has(event.action)) runtime.looksLeft = LOOKS_AFTER_A_DEATH;
  queue.add(slug);
}
