import { entriesOf, entryOf, listOf } from './compose-values.js';
import { addEvaluated, type Evaluation, type Lookup } from './interpolation.js';
import { directoryOf, resolveFrom } from './paths.js';
import { demandSources, noteService, readServiceFiles } from './service-environment.js';
import {
  type ComposeFile,
  type ComposeSources,
  documentsOf,
  isFirst,
  newSurvey,
  readComposeFile,
  readEnvFile,
  readString,
  type Scope,
  type Survey,
  surveyStrings,
} from './survey.js';

/**
 * Walks all that compose would read for a project, and evaluates every string with its own interpolation.
 *
 * @param lookup the variables as compose would find them
 * @returns the names met, and what is wrong with the files. Never throws, unless `sources.read` does.
 */
export function surveySources(sources: ComposeSources, lookup: Lookup, evaluation: Evaluation): Survey {
  const survey = newSurvey(sources, lookup, evaluation);
  const scope: Scope = { lookup, own: new Map(), base: '', envFiles: [] };
  for (const file of sources.files) surveyProjectFile(survey, file, scope);
  readServiceFiles(survey);
  demandSources(survey);
  return survey;
}

function surveyProjectFile(survey: Survey, file: ComposeFile, scope: Scope): void {
  if (!isFirst(survey, 'project', file, scope)) return;
  surveyStrings(survey, file, scope);
  for (const document of documentsOf(survey, file)) {
    for (const [name, service] of entriesOf(entryOf(document, 'services'))) {
      followExtends(survey, { name, document, path: file.path, service, scope }, name, new Set());
      noteService(survey, name, service, scope);
    }
    for (const kind of ['secrets', 'configs']) {
      for (const [name, source] of entriesOf(entryOf(document, kind))) {
        const variable = readString(survey, entryOf(source, 'environment'), scope);
        if (variable) survey.sourced.set(`${kind}.${name}`, variable);
      }
    }
    for (const entry of listOf(entryOf(document, 'include'))) surveyInclude(survey, entry, scope);
  }
}

interface Extending {
  /** The service that extends, and the document and file it stands in. */
  name: string;
  document: unknown;
  path: string;
  service: unknown;
  scope: Scope;
}

/** Walks the files behind `extends`; what the extended services bring is noted for `into`. */
function followExtends(survey: Survey, from: Extending, into: string, visited: Set<string>): void {
  const extending = entryOf(from.service, 'extends');
  const name = readString(
    survey,
    typeof extending === 'string' ? extending : entryOf(extending, 'service'),
    from.scope,
  );
  const file = readString(survey, entryOf(extending, 'file'), from.scope);
  if (name === undefined || (file !== undefined && isRemote(file))) return;
  const path = file === undefined ? from.path : resolveFrom(from.scope.base, file);
  if (visited.has(`${path}#${name}`)) return;
  visited.add(`${path}#${name}`);
  const scope = file === undefined ? from.scope : { ...from.scope, base: directoryOf(path) };
  const document = file === undefined ? from.document : readExtended(survey, path, scope);
  const service = entryOf(entryOf(document, 'services'), name);
  if (service === undefined) return;
  followExtends(survey, { name, document, path, service, scope }, into, visited);
  noteService(survey, into, service, scope);
}

function readExtended(survey: Survey, path: string, scope: Scope): unknown {
  const file = readComposeFile(survey, path);
  if (file === undefined) return undefined;
  // The whole file is interpolated, not only the service that is extended.
  surveyStrings(survey, file, scope);
  return documentsOf(survey, file).find((document) => entryOf(document, 'services') !== undefined);
}

function surveyInclude(survey: Survey, entry: unknown, scope: Scope): void {
  const listed = typeof entry === 'string' ? entry : entryOf(entry, 'path');
  const paths = listOf(listed).map((path) => readString(survey, path, scope));
  const files = paths.filter((path) => path !== undefined).filter((path) => !isRemote(path));
  const main = files[0];
  if (main === undefined) return;
  const directory = readString(survey, entryOf(entry, 'project_directory'), scope);
  const base =
    directory === undefined ? directoryOf(resolveFrom(scope.base, main)) : resolveFrom(scope.base, directory);
  const given = listOf(entryOf(entry, 'env_file')).map((path) => readString(survey, path, scope));
  const envFiles = given.filter((path) => path !== undefined).map((path) => resolveFrom(scope.base, path));
  const inner = includeScope(survey, scope, base, envFiles.length > 0 ? envFiles : [resolveFrom(base, '.env')]);
  for (const file of files) {
    const included = readComposeFile(survey, resolveFrom(scope.base, file));
    if (included !== undefined) surveyProjectFile(survey, included, inner);
  }
}

/** An included project sees what its includer sees, then its own env files. */
function includeScope(survey: Survey, outer: Scope, base: string, envFiles: string[]): Scope {
  // What is around it already, the project's own .env first of all, would add nothing.
  const added = envFiles.filter((path) => path !== '.env' && !outer.envFiles.includes(path));
  if (added.length === 0) return { ...outer, base };
  const own = new Map(outer.own);
  const lookup: Lookup = (name) => outer.lookup(name) ?? own.get(name);
  for (const path of added) {
    const read = readEnvFile(survey, path, lookup);
    if (read === undefined) continue;
    addEvaluated(read.met, survey.met, own);
    for (const [name, value] of read.values) own.set(name, value);
  }
  return { lookup, own, base, envFiles: [...outer.envFiles, ...added] };
}

function isRemote(path: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|oci:)/i.test(path);
}
