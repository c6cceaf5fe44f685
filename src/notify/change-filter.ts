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
  /** By kind, what they were told of since it was last well: what it was about, and the reasons. All of it is still open. */
  troubles: Map<Notice['kind'], { about: string; reasons: Set<string> }>;
  /** What the last success was about; null after any trouble. */
  success: string | null;
}

const MOST_REASONS = 16;

/**
 * One notice a change, never one a retry. A trouble is told once for each reason, until the instance is well again or
 * something else is desired; so neither the same failure again and again nor two that take turns are told twice. A heal is
 * told each time: it follows upon a change of its own. That it is well again is told only where a trouble was. Remembers
 * `limit` instances, those longest not heard of are forgotten first.
 */
export function createChangeFilter(limit = 50_000): ChangeFilter {
  /** The instance last heard of last. */
  const known = new Map<string, Told>();

  function isChange(notice: Notice): boolean {
    // Whoever tells of hosts tells once.
    if (notice.kind === 'HostFailed' || notice.kind === 'HostRecovered') return true;
    const key = notice.slug ?? (isOfDesiredState(notice) ? DESIRED_STATE : SOURCE);
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

/** No instance has these names. What a revision says, and whether it can be read, are two things. */
const SOURCE = '';
const DESIRED_STATE = ' ';

function isOfDesiredState({ kind }: Notice): boolean {
  return kind === 'DesiredStateInvalid' || kind === 'DesiredStateValid';
}

function isNew(told: Told, notice: Notice): boolean {
  const isOpen = told.troubles.size > 0;
  switch (notice.kind) {
    case 'Recovered':
    case 'DesiredStateValid':
    case 'SourceRecovered':
      told.troubles.clear();
      return isOpen;
    case 'UpgradeSucceeded': {
      const about = aboutOf(notice);
      const wasTold = told.success === about;
      told.troubles.clear();
      told.success = about;
      return !wasTold;
    }
    default:
      return notice.severity === 'info' ? isOver(told) : isNewTrouble(told, notice);
  }
}

/**
 * One of severity `info` is over already: drift that was healed, an instance that was taken down. Each is new, however alike:
 * nothing is said between two heals that are a day apart. What went before is over, too.
 */
function isOver(told: Told): true {
  told.troubles.clear();
  told.success = null;
  return true;
}

function isNewTrouble(told: Told, notice: Notice): boolean {
  const { kind } = notice;
  const reason = reasonOf(notice);
  const about = aboutOf(notice);
  const before = told.troubles.get(kind);
  const isSame = before?.about === about;
  const reasons = isSame && before.reasons.size < MOST_REASONS ? before.reasons : new Set<string>();
  const wasTold = isSame && before.reasons.has(reason);
  told.troubles.set(kind, { about, reasons: reasons.add(reason) });
  told.success = null;
  return !wasTold;
}

/** The same problems in the next revision are the same; a removal goes on, whatever revision comes next. */
function aboutOf(notice: Notice): string {
  if (notice.kind === 'TakeDownFailed') return '';
  return isOfDesiredState(notice) ? notice.message : JSON.stringify([notice.toImageTag, notice.revision]);
}

/** Of a revision that the source itself refuses only the message says which: another one is no retry. */
function reasonOf({ kind, reason, message }: Notice): string {
  return kind === 'SourceFailed' && reason === 'SourceRefused' ? `${reason} ${message}` : reason;
}
