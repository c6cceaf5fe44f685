import type { HostEvent } from '../../agent-client/tenant-driver.js';
import type { ApplyRun } from './apply-runs.js';

/** How often a silent stream says that it is alive, so that a dead connection is noticed. */
const ALIVE_MS = 5000;

/** An apply as lines of JSON, from its beginning to its end. Who stops reading does not stop it. */
export async function* applyLines(run: ApplyRun): AsyncGenerator<string> {
  for (let next = 0; ; ) {
    const changed = run.changed();
    for (; next < run.lines.length; next++) {
      const line = run.lines[next];
      yield `${JSON.stringify(line)}\n`;
      if (line?.type === 'result' || line?.type === 'error') return;
    }
    if (await isSilent(changed)) yield '{"type":"alive"}\n';
  }
}

/** Events as https://html.spec.whatwg.org/multipage/server-sent-events.html writes them; a comment now and then. */
export async function* eventLines(events: AsyncIterable<HostEvent>): AsyncGenerator<string> {
  const iterator = events[Symbol.asyncIterator]();
  try {
    yield ': connected\n\n';
    for (let next = iterator.next(); ; next = iterator.next()) {
      while (await isSilent(next)) yield ': alive\n\n';
      const { done, value } = await next;
      if (done) return;
      yield `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Waits for it, but no longer than a stream may be silent. A failure of it is left to whoever awaits it. */
async function isSilent(next: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const silent = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ALIVE_MS);
  });
  const heard = next.then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([heard, silent]);
  } finally {
    clearTimeout(timer);
  }
}
