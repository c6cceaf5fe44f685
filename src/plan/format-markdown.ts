import { escapeMarkdown, fencedBlock, inlineCode } from './format-markdown-safe.js';
import { count, type DiffText, describeSteps } from './format-text.js';
import { missingVariables } from './format-variables.js';
import type { ContainerAction, Plan } from './plan.js';

/**
 * The body of a plan's section, without its diffs: why it waits, variables, warnings, files, containers, steps.
 * Returns Markdown that ends in a line feed; empty for a plan without work or remarks.
 */
export function formatPlanMarkdown(plan: Plan): string {
  return [gate(plan), variables(plan), warnings(plan), files(plan), containers(plan), steps(plan)]
    .filter((part) => part !== '')
    .join('\n');
}

/** One file's diff as Markdown that ends in a line feed. */
export function formatDiffMarkdown({ path, diff, truncated, omittedLines }: DiffText): string {
  if (!/^@@ /m.test(diff)) return `${inlineCode(path)}: ${escapeMarkdown(diff)}\n`;
  const cut = truncated ? `\n${count(omittedLines, 'more line')} left out.\n` : '';
  return `${inlineCode(path)}\n\n${fencedBlock(diff, 'diff')}${cut}`;
}

/** What happens to containers in a few words for a table cell: `recreate api, worker; restart nginx`. */
export function summarizeContainers(plan: Plan): string {
  const byAction = new Map<ContainerAction, string[]>();
  for (const { action, service } of plan.containers ?? []) {
    if (action !== 'none') byAction.set(action, [...(byAction.get(action) ?? []), service]);
  }
  return [...byAction].map(([action, services]) => `${action} ${services.join(', ')}`).join('; ');
}

function gate({ gate }: Plan): string {
  if (gate === null) return '';
  const hint = gate.hint === undefined ? '' : `; ${escapeMarkdown(gate.hint)}`;
  return `**${gate.blocked ? 'Refused' : 'Waiting'}:** ${escapeMarkdown(gate.message)}${hint}\n`;
}

function variables({ envCoverage }: Plan): string {
  const missing = missingVariables(envCoverage);
  if (missing.length === 0) return '';
  const lines = missing.map(({ name, newly, blocking }) => {
    const since = newly ? '**newly needed**' : 'lacking before too';
    const effect = blocking ? '**refused**: compose would not start without it' : 'compose puts an empty string';
    return `- ${inlineCode(name)}: ${since}, ${effect}\n`;
  });
  return `Variables that the tenant's ${inlineCode('.env')} lacks:\n\n${lines.join('')}`;
}

function warnings(plan: Plan): string {
  return plan.warnings.map((warning) => `- :warning: ${escapeMarkdown(warning)}\n`).join('');
}

function files(plan: Plan): string {
  const changes = plan.files.filter((file) => file.status !== 'unchanged');
  if (changes.length === 0) return '';
  const rows = changes.map(
    ({ path, status, reason, sensitive }) =>
      `| ${inlineCode(path)} | ${status} | ${escapeMarkdown(reason)}${sensitive ? ' (sensitive: values masked)' : ''} |\n`,
  );
  return `| file | status | why |\n|---|---|---|\n${rows.join('')}`;
}

function containers(plan: Plan): string {
  const busy = (plan.containers ?? []).filter((container) => container.action !== 'none');
  if (busy.length === 0) return '';
  const rows = busy.map(
    ({ service, action, cause }) => `| ${inlineCode(service)} | ${action} | ${escapeMarkdown(cause)} |\n`,
  );
  return `| container | action | why |\n|---|---|---|\n${rows.join('')}`;
}

function steps(plan: Plan): string {
  return describeSteps(plan.operations)
    .map((step, at) => `${at + 1}. ${escapeMarkdown(step)}\n`)
    .join('');
}
