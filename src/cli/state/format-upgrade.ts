import type { Upgrade } from '../../history/history-store.js';
import { oneLine } from '../../plan/format-safe.js';
import type { Paint } from '../../plan/format-text.js';
import { formatAge } from '../table.js';
import { tookOf } from './upgrade-rows.js';

/** All that is remembered of one upgrade, for a person to read. Ends in a line feed. */
export function formatUpgradeDetails(upgrade: Upgrade, now: Date, paint: Paint): string {
  const { slug, host, fromImageTag, toImageTag, result, startedAt, finishedAt } = upgrade;
  const took = finishedAt === null ? '' : `, took ${tookOf(upgrade)}`;
  const title = `${slug} on ${host}: ${fromImageTag ?? 'new'} -> ${toImageTag}`;
  return [
    `${paint.bold(title)} ${paintResult(result, paint)}`,
    ...field('started', [`${startedAt} (${formatAge(startedAt, now)} ago${took})`]),
    ...field('cause', [oneLine(upgrade.cause)]),
    ...field('revision', [`${upgrade.revision}${upgrade.author === null ? '' : ` by ${oneLine(upgrade.author)}`}`]),
    ...field('id', [upgrade.id]),
    ...describePlan(upgrade),
    ...field(
      'phases',
      upgrade.phases.map(({ phase, durationMs }) => `${phase} ${formatSeconds(durationMs)}`),
    ),
    ...field('error', describeError(upgrade)),
    ...field('log', upgrade.log.map(oneLine)),
    '',
  ].join('\n');
}

function paintResult(result: Upgrade['result'], paint: Paint): string {
  if (result === 'converged') return paint.green(result);
  return result === 'running' ? result : paint.red(result);
}

function describePlan({ plan }: Upgrade): string[] {
  const because = (cause: string | null) => (!cause ? '' : ` (${oneLine(cause)})`);
  return [
    ...field(
      'files',
      plan.files.map(({ path, status, cause }) => `${oneLine(path)} ${status}${because(cause)}`),
    ),
    ...field(
      'containers',
      (plan.containers ?? [])
        .filter(({ action }) => action !== 'none')
        .map(({ service, action, cause }) => `${oneLine(service)} ${action}${because(cause)}`),
    ),
    ...field(
      'steps',
      plan.operations.map(({ kind, cause }) => `${kind}${because(cause)}`),
    ),
  ];
}

function describeError({ error }: Upgrade): string[] {
  if (error === null) return [];
  return [`${error.code}${error.phase === null ? '' : ` during ${error.phase}`}: ${oneLine(error.message)}`];
}

const NAME_WIDTH = 12;

/** A name and its lines beside it; nothing where there are none. */
function field(name: string, lines: readonly string[]): string[] {
  return lines.map((line, at) => `  ${(at === 0 ? name : '').padEnd(NAME_WIDTH)}${line}`);
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}
