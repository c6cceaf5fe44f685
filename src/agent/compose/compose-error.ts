import { type ErrorCode, FlotillaError } from '../../errors.js';
import { ENGINE_RULES, PULL_RULES, UP_RULES } from './compose-engine-failures.js';
import type { FailureRule } from './compose-failure-rule.js';
import { DOTENV_RULES, MODEL_RULES, VALUE_RULES } from './compose-model-failures.js';
import { isKnown, MASK, showFile, showName, showPosition, showSentence, type Words } from './compose-words.js';

export type ComposeVerb = 'config' | 'pull' | 'up' | 'restart' | 'kill' | 'version';

export interface ServiceImage {
  service: string;
  /** As compose resolved it: compared only, never shown. */
  resolved: string;
  /** As written in the compose file; empty where that is not known. */
  raw: string;
}

export interface ComposeFailure {
  verb: ComposeVerb;
  /** null when a signal ended it. */
  exitCode: number | null;
  stderr: string;
  /** Words of the rendered compose files, the only ones that may be shown: see `knownWords`. */
  known: ReadonlySet<string>;
  project: string;
  images: readonly ServiceImage[];
}

/** What an error's `cause` keeps of compose's failure: nothing of its text. */
class ComposeFailureCause {
  constructor(
    readonly verb: ComposeVerb,
    readonly exitCode: number | null,
    /** The id of the container that has a name which compose wants to give. */
    readonly nameHolder?: string,
  ) {}
}

const FALLBACK: Readonly<Record<ComposeVerb, ErrorCode>> = {
  config: 'ComposeFailed',
  pull: 'PullFailed',
  up: 'UpFailed',
  restart: 'UpFailed',
  kill: 'ComposeFailed',
  version: 'ComposeMissing',
};

const CANCELLED_EXIT = 130;
/** A sentence with more holes than this tells nobody anything. */
const MASKS_AT_MOST = 2;

/** Turns a failed `docker compose` into an error whose message and hint hold no value of the tenant. */
export function classifyComposeFailure(failure: ComposeFailure): FlotillaError {
  const words = { known: failure.known, project: failure.project };
  const text = messageText(failure.stderr);
  for (const rule of rulesFor(failure.verb)) {
    const match = rule.pattern.exec(text);
    if (match !== null) return ruleError(rule, match.groups ?? {}, failure, words);
  }
  if (failure.exitCode === CANCELLED_EXIT)
    return new FlotillaError('Cancelled', `docker compose ${failure.verb} was cancelled`);
  return unknownError(text, failure, words);
}

/**
 * The id of the container whose name compose wanted to give to another; undefined when it failed for another reason. An
 * interrupted `up` can leave a renamed container of the project behind: then a second `up` succeeds.
 */
export function nameHolderOf(error: unknown): string | undefined {
  return error instanceof FlotillaError && error.cause instanceof ComposeFailureCause
    ? error.cause.nameHolder
    : undefined;
}

/** The order counts: compose itself reads the files before it asks the engine, and the engine before a registry. */
function rulesFor(verb: ComposeVerb): readonly FailureRule[] {
  const files = [...DOTENV_RULES, ...VALUE_RULES, ...MODEL_RULES];
  if (verb === 'config' || verb === 'version') return [...files, ...ENGINE_RULES];
  return verb === 'pull'
    ? [...files, ...ENGINE_RULES, ...PULL_RULES]
    : [...files, ...ENGINE_RULES, ...UP_RULES, ...PULL_RULES];
}

/** Without progress and warnings. A failed pull's progress repeats one service's error on others. */
function messageText(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/^time="/.test(line));
  const message = lines.filter((line) => !/^ \S/.test(line));
  return (message.length > 0 ? message : lines).join('\n');
}

function ruleError(
  rule: FailureRule,
  groups: Readonly<Record<string, string>>,
  failure: ComposeFailure,
  words: Words,
): FlotillaError {
  const shown = showGroups(groups, failure, words);
  const code = rule.code === 'byValue' ? codeByValue(groups.value, words) : rule.code;
  return new FlotillaError(code, fill(rule.message, shown), {
    cause: new ComposeFailureCause(failure.verb, failure.exitCode, groups.holder),
    ...(rule.hint === undefined ? {} : { hint: fill(rule.hint, shown) }),
  });
}

/** A wrong value that does not stand in the compose file came out of a variable: the tenant can mend it without us. */
function codeByValue(value: string | undefined, words: Words): ErrorCode {
  return value !== undefined && isKnown(value, words) ? 'ComposeInvalid' : 'EnvInvalid';
}

function showGroups(
  groups: Readonly<Record<string, string>>,
  failure: ComposeFailure,
  words: Words,
): Record<string, string> {
  const shown: Record<string, string> = {
    project: failure.project,
    service: suspects(failure, groups.container),
    verb: failure.verb,
  };
  shown.detail = '';
  for (const [name, text = ''] of Object.entries(groups)) shown[name] = showGroup(name, text, failure, words);
  return shown;
}

function showGroup(name: string, text: string, failure: ComposeFailure, words: Words): string {
  switch (name) {
    case 'at':
      return showPosition(text, words);
    case 'file':
      return showFile(text, words);
    case 'sentence':
      return showSentence(text, words);
    case 'image':
      return showImage(text, failure, words);
    case 'detail':
      return showDetail(text, words);
    // The patterns of these match a variable's name in a fixed place, or digits and dots only.
    case 'variable':
    case 'line':
    case 'exit':
    case 'version':
      return text;
    default:
      return showName(text, words);
  }
}

/** What narrows the cause down: an address or its port, a command, or a file without its directories. Left out where it is masked. */
function showDetail(text: string, words: Words): string {
  const shown = [text, text.split(/[/:]/).at(-1) ?? ''].find((each) => isKnown(each, words));
  return shown === undefined ? '' : ` (${shown})`;
}

function showImage(image: string, failure: ComposeFailure, words: Words): string {
  const users = failure.images.filter((each) => each.resolved === image);
  const shown = isKnown(image, words) ? image : users[0]?.raw || MASK;
  const services = users.map((each) => each.service).sort();
  return services.length === 0 ? shown : `${shown} (${services.join(', ')})`;
}

/** The service of the container that is named, or else those whose containers compose was busy with when it failed. */
function suspects(failure: ComposeFailure, container: string | undefined): string {
  const names = container === undefined ? unfinished(failure.stderr) : [container];
  const services = names.map((name) => showName(name, failure)).map((name) => bareService(name, failure.project));
  const certain = [...new Set(services)].sort();
  return certain.length === 0 || certain.includes(MASK) ? 'a service' : certain.join(' or ');
}

function unfinished(stderr: string): string[] {
  const last = new Map<string, string>();
  for (const [, name = '', status = ''] of stderr.matchAll(/^ Container (\S+)\s+(\w+)/gm)) last.set(name, status);
  return [...last].filter(([, status]) => /^(?:Creating|Recreate|Starting|Error)$/.test(status)).map(([name]) => name);
}

function bareService(container: string, project: string): string {
  const name = container.replace(/^\//, '');
  return name.startsWith(`${project}-`) ? name.slice(project.length + 1).replace(/-\d+$/, '') : name;
}

function fill(template: string, shown: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => shown[name] ?? MASK);
}

function unknownError(text: string, failure: ComposeFailure, words: Words): FlotillaError {
  const said = showSentence(text.split('\n').at(-1) ?? '', words);
  const invalid = failure.verb === 'config' && failure.exitCode === 15 && said !== '' && !said.includes(MASK);
  const readable = said !== '' && said.split(MASK).length <= 1 + MASKS_AT_MOST;
  const detail = readable && said !== MASK ? said : `exit code ${failure.exitCode ?? 'unknown'}`;
  return new FlotillaError(
    invalid ? 'ComposeInvalid' : FALLBACK[failure.verb],
    `docker compose ${failure.verb} failed: ${detail}`,
    {
      cause: new ComposeFailureCause(failure.verb, failure.exitCode),
      hint: `What is masked may hold a secret: run docker compose -p ${failure.project} ${failure.verb} on the host to read all of it.`,
    },
  );
}
