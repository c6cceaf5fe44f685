import { entryOf, listOf } from './compose-values.js';
import { addEvaluated } from './interpolation.js';
import { resolveFrom } from './paths.js';
import { readEnvFile, readString, type Scope, type ServiceNotes, type Survey } from './survey.js';

/** Notes what one definition of a service adds; the files are read at the end, for services that are enabled. */
export function noteService(survey: Survey, name: string, service: unknown, scope: Scope): void {
  const notes = survey.services.get(name) ?? {
    profiles: new Set(),
    envFiles: [],
    labelFiles: [],
    sources: new Set(),
  };
  survey.services.set(name, notes);
  for (const profile of listOf(entryOf(service, 'profiles'))) {
    const value = readString(survey, profile, scope);
    if (value !== undefined) notes.profiles.add(value);
  }
  for (const entry of listOf(entryOf(service, 'env_file'))) {
    // A format other than compose's own is not interpolated.
    const path = entryOf(entry, 'format') === undefined ? pathOf(survey, entry, scope) : undefined;
    if (path !== undefined) notes.envFiles.push(path);
  }
  for (const entry of listOf(entryOf(service, 'label_file'))) {
    const path = pathOf(survey, entry, scope);
    if (path !== undefined) notes.labelFiles.push(path);
  }
  for (const kind of ['secrets', 'configs']) {
    for (const entry of listOf(entryOf(service, kind))) {
      const source = readString(survey, typeof entry === 'string' ? entry : entryOf(entry, 'source'), scope);
      if (source !== undefined) notes.sources.add(`${kind}.${source}`);
    }
  }
}

/** Reads the env and label files of the services that are not behind an inactive profile. */
export function readServiceFiles(survey: Survey): void {
  for (const notes of enabledServices(survey)) {
    const values = new Map<string, string>();
    for (const path of notes.envFiles) readMappingFile(survey, path, values, survey.lookup);
    const labels = new Map<string, string>();
    for (const path of notes.labelFiles) readMappingFile(survey, path, labels, () => undefined);
  }
}

/**
 * Adds the variables that secrets and configs take their value from: compose's `config` says nothing about one that is
 * not set, and `up` fails on it with the containers already created.
 */
export function demandSources(survey: Survey): void {
  for (const notes of enabledServices(survey)) {
    for (const source of notes.sources) {
      const name = survey.sourced.get(source);
      if (name === undefined) continue;
      survey.met.named.add(name);
      survey.met.demanded.add(name);
      if (survey.lookup(name) === undefined) {
        survey.met.required.push({ name, message: `the value of ${source}` });
      }
    }
  }
}

function readMappingFile(
  survey: Survey,
  path: string,
  earlier: Map<string, string>,
  outside: (name: string) => string | undefined,
): void {
  const read = readEnvFile(survey, path, (name) => earlier.get(name) ?? outside(name));
  if (read === undefined) return;
  addEvaluated(read.met, survey.met, earlier);
  for (const [name, value] of read.values) earlier.set(name, value);
}

function enabledServices(survey: Survey): ServiceNotes[] {
  const active = new Set((survey.lookup('COMPOSE_PROFILES') ?? '').split(',').map((profile) => profile.trim()));
  return [...survey.services.values()].filter(
    ({ profiles }) => profiles.size === 0 || active.has('*') || [...profiles].some((profile) => active.has(profile)),
  );
}

function pathOf(survey: Survey, entry: unknown, scope: Scope): string | undefined {
  const path = readString(survey, typeof entry === 'string' ? entry : entryOf(entry, 'path'), scope);
  return path === undefined ? undefined : resolveFrom(scope.base, path);
}
