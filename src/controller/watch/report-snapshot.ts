import type { Problem } from '../../errors.js';
import { count } from '../../plan/format-text.js';
import type { Snapshot } from '../../source/source.js';
import { formatPlace } from '../format-problem.js';
import type { Acceptance } from './accept-snapshot.js';
import { ABOUT_SOURCE } from './teller.js';
import type { WatchContext } from './watch-context.js';

/** Tells of a revision that was just taken: in the log, in numbers, and to people. Gives how many problems it has. */
export function reportSnapshot(context: WatchContext, snapshot: Snapshot, acceptance: Acceptance): number {
  const { revision, author } = snapshot;
  const { entries, changed, removed, held } = acceptance;
  const { log, observer } = context.deps;
  const problems = problemsOf(snapshot, acceptance);
  const counts = { instances: entries.size, changed: changed.length, removed: removed.length, held: held.size };
  log.info({ revision, author, ...counts, problems: problems.length }, 'revision accepted');
  for (const problem of problems.slice(0, MOST_LOGGED))
    log.error(
      { place: formatPlace(problem), code: problem.code, slug: problem.slug, problem: problem.message },
      'desired state has a problem',
    );
  observer.problems(problems.length);
  const first = problems[0];
  const text =
    first === undefined
      ? 'desired state is in order'
      : `${count(problems.length, 'problem')}, ${count(held.size, 'instance')} held: ${formatPlace(first)}: ${first.message}`;
  if (first) context.announce({ type: 'Warning', reason: 'DesiredStateInvalid', message: text });
  const common = { ...ABOUT_SOURCE, revision, author, message: text };
  if (first) context.notify({ ...common, kind: 'DesiredStateInvalid', severity: 'error', reason: first.code });
  else context.notify({ ...common, kind: 'DesiredStateValid', severity: 'info', reason: 'Accepted' });
  return problems.length;
}

/** How many problems of a revision are logged one by one. */
const MOST_LOGGED = 20;

/** Each once, also those that only rendering an instance has brought to light. */
function problemsOf({ desired }: Snapshot, { held }: Acceptance): readonly Problem[] {
  const ofInstances = [...held.values()].flat().filter(({ file }) => file !== '');
  const all = [...desired.problems, ...ofInstances];
  return [...new Map(all.map((problem) => [`${formatPlace(problem)} ${problem.message}`, problem])).values()];
}
