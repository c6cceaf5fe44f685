import type { ComposeProblem } from './compose-text.js';
import type { Dotenv } from './dotenv.js';
import { surveySources } from './env-survey.js';
import type { Evaluation, Lookup } from './interpolation.js';
import type { ComposeSources } from './survey.js';

export type { ComposeFile, ComposeSources } from './survey.js';

/** The variables that compose files need, against those a tenant defines. Every list is sorted and without repeats. */
export interface EnvCoverage {
  /** Referenced without a default: plain, `:?` or `?`; and the variables that used secrets and configs are made of. */
  required: string[];
  /** Plain and not defined: compose warns and puts an empty string. */
  missingInTenantEnv: string[];
  /** `:?` or `?` that fails (`:?` counts an empty value as unset), or a used secret's or config's variable not set. */
  blocking: string[];
  /** Missing or blocking, and not referenced by the current compose files. */
  newlyNeeded: string[];
  /** Defined in the .env with a `$` that compose eats or expands. */
  suspect: string[];
}

export interface EnvCoverageInput {
  /** The compose files as they are to be. */
  next: ComposeSources;
  /** The compose files as they are now; undefined when there are none. */
  current: ComposeSources | undefined;
  /** The project's .env; undefined when there is none. */
  env: Dotenv | undefined;
  evaluation: Evaluation;
  /** Variables of the process that runs compose; they win over the .env. */
  environment?: ReadonlyMap<string, string>;
}

/**
 * Says which variables the compose files need that the tenant's .env does not give, by compose's own interpolation.
 *
 * A file that `read` does not give is passed over: whether it has to be there is compose's to say. Of `current`, nothing
 * is parsed unless something is missing or blocking.
 *
 * @returns the coverage; what compose would refuse (YAML that does not parse, invalid interpolation); and whether another
 *   `evaluation` could give another answer. Problems quote text of compose files only. Never throws, unless `read` does.
 * @see https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md, and experiments with compose 2.26
 */
export function coverEnv(
  input: EnvCoverageInput,
): EnvCoverage & { problems: ComposeProblem[]; dependsOnEvaluation: boolean } {
  const { next, current, env, evaluation, environment } = input;
  const lookup: Lookup = (name) => environment?.get(name) ?? builtIn(name) ?? env?.values.get(name);
  const { met, problems } = surveySources(next, lookup, evaluation);
  const blocking = new Set(met.required.map(({ name }) => name));
  const needed = new Set([...met.warned, ...blocking]);
  const known = needed.size > 0 && current !== undefined ? referencedNames(current, lookup) : new Set<string>();
  return {
    required: sorted(met.plain, met.demanded),
    missingInTenantEnv: sorted(met.warned),
    blocking: sorted(blocking),
    newlyNeeded: sorted(needed).filter((name) => !known.has(name)),
    suspect: sorted(env?.suspect ?? []),
    problems,
    dependsOnEvaluation: met.skippable,
  };
}

/**
 * Every variable that the compose files name in any form, with or without a default, and whatever the
 * profiles; sorted. Files behind a path that holds variables are found by their defaults.
 */
export function referencedVariables(sources: ComposeSources): string[] {
  return sorted(referencedNames(sources, builtIn));
}

// Text without any of these can neither refer to a variable nor lead to a file that does.
const MAY_REFER = /[$\\]|include|extends|env_file|label_file|secrets|configs/;

function referencedNames(sources: ComposeSources, lookup: Lookup): Set<string> {
  const files = sources.files.filter(({ text }) => MAY_REFER.test(text));
  const everyProfile: Lookup = (name) => (name === 'COMPOSE_PROFILES' ? '*' : lookup(name));
  return surveySources({ files, read: (path) => sources.read(path) }, everyProfile, 'eager').met.named;
}

/** Compose sets the project's name itself, whatever the .env says; it is never empty. */
function builtIn(name: string): string | undefined {
  return name === 'COMPOSE_PROJECT_NAME' ? 'project' : undefined;
}

function sorted(...names: Iterable<string>[]): string[] {
  return [...new Set(names.flatMap((some) => [...some]))].sort();
}
