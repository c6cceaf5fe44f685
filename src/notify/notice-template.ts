import Mustache from 'mustache';
import type { NotificationConfig } from '../config/watch-config.js';
import { nearestName } from '../manifest/nearest.js';
import type { Notice } from './notifier.js';

type Escape = (text: string) => string;

/** Inside the quotes of a JSON string. */
const escapeJson: Escape = (text) => JSON.stringify(text).slice(1, -1);

/** Slack reads these three as its own; nothing else of a value can become a link or call people. See api.slack.com, "Escaping text". */
export const escapeSlack: Escape = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const ESCAPES: Record<NotificationConfig['type'], Escape> = { webhook: escapeJson, slack: escapeSlack };

/**
 * A function that fills a template (mustache) with a notice. Names are those of the default body of a webhook: `event` and
 * the fields of a notice. Values are escaped for where they go. The template must have passed `checkNoticeTemplate`.
 */
export function compileNoticeTemplate(text: string, type: NotificationConfig['type']): (notice: Notice) => string {
  // A writer of its own keeps what it parsed for as long as it lives, the shared one for as long as the process does.
  const writer = new Mustache.Writer();
  const escapeText = ESCAPES[type];
  return (notice) => writer.render(text, viewOf(notice), undefined, { escape: (value) => escapeText(String(value)) });
}

/**
 * Says what is wrong with a template, or null where every notice can be sent with it: it parses, knows all its names, leaves
 * no value unescaped, and for a webhook gives JSON whatever a notice has and lacks.
 */
export function checkNoticeTemplate(text: string, type: NotificationConfig['type']): string | null {
  let tokens: Token[];
  try {
    tokens = new Mustache.Writer().parse(text) as Token[];
  } catch (error) {
    return `the template cannot be read: ${error instanceof Error ? error.message : 'it is no mustache'}`;
  }
  const fault = faultOf(tokens);
  if (fault !== null || type === 'slack') return fault;
  const render = compileNoticeTemplate(text, type);
  const broken = samples().find((notice) => !isJson(render(notice)));
  if (!broken) return null;
  const without = OPTIONAL.filter((field) => broken[field] === null);
  const when = without.length === 0 ? '' : ` for a notice without ${without.join(', ')}`;
  return `the template gives no JSON${when}: write values in quotes, such as "{{slug}}", and mind the commas`;
}

/** What mustache's parser gives: [kind, value, start, end], then children. */
type Token = [kind: string, value: string, start: number, end: number, rest?: Token[] | string];

function faultOf(tokens: readonly Token[]): string | null {
  for (const [kind, value, , , rest] of tokens) {
    if (kind === '>') return `{{>${value}}}: a notice has no partials`;
    if (kind === '&') return `${value} is not escaped: write {{${value}}}`;
    if ((kind === 'name' || kind === '#' || kind === '^') && !NAMES.has(value)) return unknownName(value);
    const inner = Array.isArray(rest) ? faultOf(rest) : null;
    if (inner !== null) return inner;
  }
  return null;
}

function unknownName(name: string): string {
  const nearest = nearestName(name, NAMES);
  const hint = nearest === undefined ? `a notice has ${[...NAMES].join(', ')}` : `did you mean ${nearest}?`;
  return `a notice has no ${name}: ${hint}`;
}

/** Empty is the same as absent, so that what the samples show holds for every notice. */
function viewOf(notice: Notice): object {
  const { kind, ...fields } = notice;
  const all = Object.entries({ event: kind, ...fields }).filter(([name]) => NAMES.has(name));
  return Object.assign(Object.create(null), Object.fromEntries(all.map(([name, value]) => [name, value || null])));
}

const SAMPLE: Notice = {
  kind: 'UpgradeFailed',
  severity: 'warning',
  slug: 'acme',
  host: 'edmonton-1',
  fleet: 'production',
  revision: 'a1b2c3d',
  author: 'Sam "S" Sample <sam@example.org>',
  fromImageTag: 'v1.0.0',
  toImageTag: 'v1.1.0',
  reason: 'VerifyFailed',
  message: 'a "quoted" word,\na second line & a \\ backslash',
  at: '2026-01-02T03:04:05.000Z',
};
const OPTIONAL = ['slug', 'host', 'fleet', 'revision', 'author', 'fromImageTag', 'toImageTag'] as const;
const NAMES: ReadonlySet<string> = new Set(['event', ...Object.keys(SAMPLE).filter((name) => name !== 'kind')]);

/** With every choice of fields that are absent, all present first: a section can depend on any of them. */
function samples(): Notice[] {
  return Array.from({ length: 2 ** OPTIONAL.length }, (_, choice) => {
    const absent = OPTIONAL.filter((_, bit) => choice & (1 << bit)).map((field) => [field, null]);
    return { ...SAMPLE, ...Object.fromEntries(absent) };
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
