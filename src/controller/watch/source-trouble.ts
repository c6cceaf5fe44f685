import type { FlotillaError } from '../../errors.js';
import { ABOUT_SOURCE } from './teller.js';
import type { WatchContext } from './watch-context.js';

/** Tells once that desired state cannot be read, and once that it can be again. */
export interface SourceTrouble {
  failed(error: FlotillaError): void;
  over(): void;
  /** Why it cannot be read now; null when it can. */
  reason(): string | null;
}

export function createSourceTrouble(context: WatchContext): SourceTrouble {
  const { log, source } = context.deps;
  const about = { ...ABOUT_SOURCE, revision: null, author: null };
  let problem: FlotillaError | null = null;
  return {
    failed(error) {
      if (problem?.message === error.message) return;
      problem = error;
      const { code, message } = error;
      log.error(
        { err: error, source: source.name },
        'desired state cannot be read: what was desired before stays in force',
      );
      context.announce({ type: 'Warning', reason: code, message });
      context.notify({ ...about, kind: 'SourceFailed', severity: 'error', reason: code, message });
    },
    over() {
      if (problem === null) return;
      problem = null;
      const message = 'desired state can be read again';
      log.info({ source: source.name }, message);
      context.announce({ type: 'Normal', reason: 'SourceRecovered', message });
      context.notify({ ...about, kind: 'SourceRecovered', severity: 'info', reason: 'Readable', message });
    },
    reason: () => problem?.message ?? null,
  };
}
