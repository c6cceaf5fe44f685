import { formatDiffMarkdown, formatPlanMarkdown, summarizeContainers } from '../plan/format-markdown.js';
import { escapeMarkdown, fencedBlock, inlineCode } from '../plan/format-markdown-safe.js';
import { count } from '../plan/format-text.js';
import { missingVariables } from '../plan/format-variables.js';
import { formatPlace } from './format-problem.js';
import type { ReconcileItem, ReconcileReport, Result } from './report.js';
import { formatSummary, formatTagStep, problemsElsewhere } from './report-text.js';

/** GitHub refuses a comment of more than 65,536 characters; the rest is room for the closing note. */
const MAX_CHARACTERS = 65_000;
const MAX_TABLE_CHARACTERS = 20_000;
const MAX_VARIABLES = 20;
const MAX_PROBLEMS = 20;
const MAX_NAMES = 8;
/** By this line a bot finds the comment that it made before. */
const MARKER = '<!-- flotilla reconcile report -->';
const RESULT_WORDS: Record<Result, string> = {
  inSync: 'in sync',
  changed: 'changed',
  converged: 'converged',
  waiting: 'waiting',
  failed: '**failed**',
};

/**
 * The report as a comment on a pull request: variables that tenants lack on top, a table of what is not in sync, and a
 * folded section for each with its diffs. At most 65,536 characters: what does not fit is left out, and counted.
 */
export function formatReportMarkdown(report: ReconcileReport): string {
  const busy = report.items.filter((item) => item.result !== 'inSync');
  const table = formatTable(busy);
  const head = [
    `${MARKER}\n### Flotilla: ${report.dryRun ? 'what reconciling would do' : 'what reconciling did'}\n`,
    `${escapeMarkdown(formatSummary(report))}. Revision ${inlineCode(report.revision)}.\n`,
    formatVariables(busy),
    formatProblems(report),
    table.text,
  ].filter((part) => part !== '');
  const sections = fitSections(busy, MAX_CHARACTERS - head.join('\n').length);
  const note = formatNote(Math.max(table.cut, sections.cutInstances), sections.cutDiffs);
  return [...head, ...sections.texts, ...(note === '' ? [] : [note])].join('\n');
}

function formatVariables(items: readonly ReconcileItem[]): string {
  const needed = new Map<string, { blocking: string[]; empty: string[] }>();
  for (const { slug, plan } of items) {
    for (const { name, newly, blocking } of plan === null ? [] : missingVariables(plan.envCoverage)) {
      if (!newly && !blocking) continue;
      const entry = needed.get(name) ?? { blocking: [], empty: [] };
      entry[blocking ? 'blocking' : 'empty'].push(slug);
      needed.set(name, entry);
    }
  }
  if (needed.size === 0) return '';
  const lines = [...needed]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { blocking, empty }]) => {
      const effects = [
        ...(blocking.length === 0 ? [] : [`**refused** for ${nameSome(blocking)} until it has a value`]),
        ...(empty.length === 0 ? [] : [`an empty string for ${nameSome(empty)} unless it is set first`]),
      ];
      return `> - ${inlineCode(name)}: ${effects.join('; ')}\n`;
    });
  const more = lines.length > MAX_VARIABLES ? `> - and ${count(lines.length - MAX_VARIABLES, 'more variable')}\n` : '';
  return `> [!WARNING]\n> Variables that tenants' ${inlineCode('.env')} files lack:\n>\n${lines.slice(0, MAX_VARIABLES).join('')}${more}`;
}

function formatProblems(report: ReconcileReport): string {
  const problems = problemsElsewhere(report);
  if (problems.length === 0) return '';
  const lines = problems
    .slice(0, MAX_PROBLEMS)
    .map((problem) => `> - ${inlineCode(formatPlace(problem))}: ${escapeMarkdown(problem.message)}\n`);
  const more = problems.length > MAX_PROBLEMS ? `> - and ${problems.length - MAX_PROBLEMS} more\n` : '';
  return `> [!CAUTION]\n> Problems in desired state:\n>\n${lines.join('')}${more}`;
}

function formatTable(items: readonly ReconcileItem[]): { text: string; cut: number } {
  if (items.length === 0) return { text: '', cut: 0 };
  let text = '| instance | host | tag | result | what happens |\n|---|---|---|---|---|\n';
  for (const [at, item] of items.entries()) {
    const row = formatRow(item);
    if (text.length + row.length > MAX_TABLE_CHARACTERS) return { text, cut: items.length - at };
    text += row;
  }
  return { text, cut: 0 };
}

function formatRow(item: ReconcileItem): string {
  const cells = [
    inlineCode(item.slug),
    item.host === '' ? '' : inlineCode(item.host),
    escapeMarkdown(arrow(item)),
    `${RESULT_WORDS[item.result]}${item.plan?.gate ? `: ${item.plan.gate.reason}` : ''}`,
    escapeMarkdown(clip(describeItem(item), 300)),
  ];
  return `| ${cells.join(' | ')} |\n`;
}

function describeItem({ plan, error }: ReconcileItem): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  if (plan === null) return '';
  const files = plan.files.filter((file) => file.status !== 'unchanged' && file.status !== 'kept').length;
  return [...(files > 0 ? [count(files, 'file')] : []), summarizeContainers(plan)]
    .filter((part) => part !== '')
    .join('; ');
}

/** First every section's own text in order, then diffs in order, as long as there is room. */
function fitSections(
  items: readonly ReconcileItem[],
  room: number,
): { texts: string[]; cutInstances: number; cutDiffs: number } {
  const fitting: { item: ReconcileItem; body: string; left: number; diffs: string }[] = [];
  let free = room;
  let cutDiffs = 0;
  for (const item of items) {
    const body = sectionBody(item);
    const size = section(item, body, '').length + 1;
    if (size > free) break;
    free -= size;
    fitting.push({ item, body, left: item.diffs.length, diffs: '' });
  }
  for (const entry of fitting) {
    for (const diff of entry.item.diffs) {
      const text = `\n${formatDiffMarkdown(diff)}`;
      if (text.length > free) break;
      free -= text.length;
      entry.diffs += text;
      entry.left--;
    }
    cutDiffs += entry.left;
  }
  const texts = fitting.map(({ item, body, diffs }) => section(item, body, diffs));
  return { texts, cutInstances: items.length - fitting.length, cutDiffs };
}

function section(item: ReconcileItem, body: string, diffs: string): string {
  const place = item.host === '' ? '' : ` on ${item.host}: ${escapeHtml(arrow(item))}`;
  const title = `<b>${item.slug}</b>${place}`;
  return `<details><summary>${title}</summary>\n\n${body}${diffs}\n</details>\n`;
}

function sectionBody(item: ReconcileItem): string {
  const { error, plan } = item;
  const parts: string[] = [];
  if (error !== null) {
    const phase = error.phase === null ? '' : ` during ${error.phase}`;
    parts.push(
      `**${error.code}**${phase}: ${escapeMarkdown(error.message)} ${escapeMarkdown(error.hint ?? '')}`.trim(),
    );
    for (const problem of error.problems) {
      parts.push(`${inlineCode(formatPlace(problem))}: ${escapeMarkdown(problem.message)}`);
      if (problem.excerpt !== undefined) parts.push(fencedBlock(problem.excerpt, '').trimEnd());
    }
  }
  if (plan !== null) parts.push(formatPlanMarkdown(plan).trimEnd());
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function formatNote(instances: number, diffs: number): string {
  const cut = [
    ...(instances > 0 ? [`details of ${count(instances, 'instance')}`] : []),
    ...(diffs > 0 ? [count(diffs, 'diff')] : []),
  ];
  if (cut.length === 0) return '';
  return `> [!NOTE]\n> Left out to fit into a comment: ${cut.join(' and ')}. ${inlineCode('flotilla diff SLUG')} shows them.\n`;
}

function nameSome(slugs: readonly string[]): string {
  const rest = slugs.length - MAX_NAMES;
  return `${slugs.slice(0, MAX_NAMES).map(inlineCode).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function arrow(item: ReconcileItem): string {
  return formatTagStep(item).replace(' -> ', ' → ');
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
