import type { Notice } from './notifier.js';

/** Tells what is other than before from what is only seen again. */
export interface ChangeFilter {
  /** Whether people are to be told of it; if so, it is taken as told. */
  isChange(notice: Notice): boolean;
  /** Of an instance that is no more. */
  forget(slug: string): void;
}

/** What people know of one instance, or of the source. */
interface Told {
  /** By kind, what they were told of since it was last well: what it was about, and the reasons. */
  troubles: Map<Notice['kind'], { about: string; reasons: Set<string> }>;
  /** What the last success was about; null after any trouble. */
  success: string | null;
}

const MOST_REASONS = 16;

/**
 * One notice a change, never one a retry. A trouble is told once for each reason, until the instance is well again or
 * something else is desired; so neither the same failure again and again nor two that take turns are told twice. That it is
 * well again is told only where a trouble was. Remembers `limit` instances, those longest not heard of are forgotten first.
 */
export function createChangeFilter(limit = 50_000): ChangeFilter {
  /** The instance last heard of last. */
  const known = new Map<string, Told>();

  function isChange(notice: Notice): boolean {
    const key = notice.slug ?? SOURCE;
    const told = known.get(key) ?? { troubles: new Map(), success: null };
    known.delete(key);
    known.set(key, told);
    for (const oldest of known.keys()) {
      if (known.size <= limit) break;
      known.delete(oldest);
    }
    return isNew(told, notice);
  }

  return { isChange, forget: (slug) => known.delete(slug) };
}

/** No instance has this name. */
const SOURCE = '';

function isNew(told: Told, { kind, reason, toImageTag, revision }: Notice): boolean {
  const about = JSON.stringify([toImageTag, revision]);
  const wasTrouble = told.troubles.size > 0;
  switch (kind) {
    case 'Recovered':
    case 'SourceRecovered':
      told.troubles.clear();
      return wasTrouble;
    case 'UpgradeSucceeded': {
      const wasTold = !wasTrouble && told.success === about;
      told.troubles.clear();
      told.success = about;
      return !wasTold;
    }
    default: {
      told.success = null;
      const before = told.troubles.get(kind);
      if (before?.about === about && before.reasons.has(reason)) return false;
      const isSame = before?.about === about && before.reasons.size < MOST_REASONS;
      told.troubles.set(kind, { about, reasons: isSame ? before.reasons.add(reason) : new Set([reason]) });
      return true;
    }
  }
}
