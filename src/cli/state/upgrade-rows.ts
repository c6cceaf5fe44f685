import type { Upgrade } from '../../history/history-store.js';
import { oneLine } from '../../plan/format-safe.js';
import { shortRevision } from '../short-revision.js';
import { formatAge, formatSpan, formatTable } from '../table.js';

const HEAD = ['AGE', 'SLUG', 'FROM', 'TO', 'CAUSE', 'RESULT', 'TOOK', 'AUTHOR', 'REVISION'];
const WIDE_HEAD = ['HOST', 'FLEET', 'ID', 'ERROR'];

/** Upgrades as a table, in the order given. */
export function formatUpgrades(upgrades: readonly Upgrade[], { wide, now }: { wide: boolean; now: Date }): string {
  if (upgrades.length === 0) return 'no upgrade has been recorded yet\n';
  return formatTable(
    wide ? [...HEAD, ...WIDE_HEAD] : HEAD,
    upgrades.map((upgrade) => [...cellsOf(upgrade, now), ...(wide ? wideCellsOf(upgrade) : [])]),
  );
}

function cellsOf(upgrade: Upgrade, now: Date): string[] {
  return [
    formatAge(upgrade.startedAt, now),
    upgrade.slug,
    upgrade.fromImageTag ?? '-',
    upgrade.toImageTag,
    oneLine(upgrade.cause),
    upgrade.result,
    tookOf(upgrade),
    nameOf(upgrade.author),
    shortRevision(upgrade.revision),
  ];
}

function wideCellsOf({ host, fleet, id, error }: Upgrade): string[] {
  return [host, fleet ?? '-', id, error === null ? '' : `${error.code}: ${oneLine(error.message)}`];
}

/** `-` while it runs. */
export function tookOf({ startedAt, finishedAt }: Pick<Upgrade, 'startedAt' | 'finishedAt'>): string {
  return finishedAt === null ? '-' : formatSpan(Date.parse(finishedAt) - Date.parse(startedAt));
}

/** Of `Name <address>` the name. */
function nameOf(author: string | null): string {
  return author === null ? '-' : oneLine(author.replace(/\s*<[^>]*>\s*$/, '') || author);
}
