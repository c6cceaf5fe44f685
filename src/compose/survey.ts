import { type ComposeProblem, locateString, parseComposeText } from './compose-text.js';
import { templatesOf } from './compose-values.js';
import { type DotenvReading, readDotenv } from './dotenv.js';
import {
  addEvaluated,
  type Evaluated,
  type Evaluation,
  evaluateTemplate,
  interpolate,
  type Lookup,
  newEvaluated,
} from './interpolation.js';

export interface ComposeFile {
  /** Relative to the project directory, or absolute; used in problems. */
  path: string;
  text: string;
  /**
   * What `parseComposeText` gave for the same text (or the value of its only document), to save parsing it again. Must
   * not be changed afterwards: what is found in it is remembered with the object.
   */
  document?: unknown;
}

export interface ComposeSources {
  /** The files as given by `-f`, in their order. */
  files: readonly ComposeFile[];
  /** The text behind include, extends, env_file and label_file; undefined when it cannot or shall not be read. */
  read(path: string): string | undefined;
}

/** A walk over the files of one project, and what it has met so far. */
export interface Survey {
  read(path: string): string | undefined;
  evaluation: Evaluation;
  lookup: Lookup;
  met: Evaluated;
  problems: ComposeProblem[];
  services: Map<string, ServiceNotes>;
  /** `secrets.name` or `configs.name` -> the variable that holds its value. */
  sourced: Map<string, string>;
  /** Files already walked, each with how and in which scope: ends include and extends cycles. See `isFirst`. */
  walked: Set<string>;
  /** The documents of files that were read, by path. */
  documents: Map<string, unknown[]>;
}

/** What the strings of one file see: variables (`own` are those an include brings), and the base of relative paths. */
export interface Scope {
  lookup: Lookup;
  own: ReadonlyMap<string, string>;
  base: string;
  /** The files that `own` comes from: with `base`, what tells scopes apart. */
  envFiles: readonly string[];
}

/** What is known of one service once all files that speak of it are read. */
export interface ServiceNotes {
  profiles: Set<string>;
  envFiles: string[];
  labelFiles: string[];
  /** `secrets.name` and `configs.name` that the service is given. */
  sources: Set<string>;
}

export function newSurvey(sources: ComposeSources, lookup: Lookup, evaluation: Evaluation): Survey {
  return {
    read: (path) => sources.read(path),
    evaluation,
    lookup,
    met: newEvaluated(),
    problems: [],
    services: new Map(),
    sourced: new Map(),
    walked: new Set(),
    documents: new Map(),
  };
}

/** Whether this is the first time that a file is walked so in a scope. */
export function isFirst(survey: Survey, as: 'strings' | 'project', file: ComposeFile, scope: Scope): boolean {
  const id = [as, ...scope.envFiles, scope.base, file.path].join('\0');
  if (survey.walked.has(id)) return false;
  survey.walked.add(id);
  return true;
}

/** Evaluates the strings of one file, once a scope. */
export function surveyStrings(survey: Survey, file: ComposeFile, scope: Scope): void {
  if (!isFirst(survey, 'strings', file, scope)) return;
  for (const { text, template } of documentsOf(survey, file).flatMap(templatesOf)) {
    const here = newEvaluated();
    evaluateTemplate(template, scope.lookup, survey.evaluation, here);
    addEvaluated(here, survey.met, scope.own);
    if (here.invalid !== undefined) survey.problems.push(invalidInterpolation(file, text));
  }
}

/** A file that a compose file leads to; undefined when it cannot be read. */
export function readComposeFile(survey: Survey, path: string): ComposeFile | undefined {
  const text = survey.read(path);
  return text === undefined ? undefined : { path, text };
}

/** The documents of a file, parsed once a survey; none, and a problem, for one that does not parse. */
export function documentsOf(survey: Survey, { path, text, document }: ComposeFile): unknown[] {
  if (document !== undefined) return Array.isArray(document) ? document : [document];
  const known = survey.documents.get(path);
  if (known) return known;
  const parsed = parseComposeText(text);
  if ('problem' in parsed) survey.problems.push({ path, ...parsed.problem });
  const documents = 'document' in parsed ? parsed.document : [];
  survey.documents.set(path, documents);
  return documents;
}

function invalidInterpolation(file: ComposeFile, text: string): ComposeProblem {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
  const message = `invalid interpolation in ${shown}: write $$ for a literal $`;
  return { path: file.path, ...locateString(file.text, text), message };
}

/** Reads an env file with the variables around it; one that cannot be used is a problem. */
export function readEnvFile(survey: Survey, path: string, lookup: Lookup): DotenvReading | undefined {
  const text = survey.read(path);
  if (text === undefined) return undefined;
  const read = readDotenv(text, lookup, survey.evaluation);
  if (!('error' in read)) return read;
  survey.met.skippable = true;
  const { line, reason } = read.error;
  survey.problems.push({ path, ...(line !== undefined && { line }), message: reason });
  return undefined;
}

/** A string of the compose file with its variables replaced; undefined where it is none, or compose would refuse it. */
export function readString(survey: Survey, value: unknown, scope: Scope): string | undefined {
  if (typeof value !== 'string') return undefined;
  const result = interpolate(value, scope.lookup, survey.evaluation);
  return 'invalid' in result || result.required.length > 0 ? undefined : result.value;
}
