import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDotenv } from '../../compose/dotenv.js';
import { type ComposeModel, parseComposeModel } from '../../compose/model.js';
import { FlotillaError } from '../../errors.js';
import type { DesiredTenant } from '../../plan/plan.js';
import type { RenderedFile } from '../../render/file-set.js';
import type { HostConfig } from '../host.js';
import type { Compose, ComposeCall, ComposeProject } from './compose-cli.js';
import { knownWords } from './compose-words.js';

/** The compose files of an instance that are in a directory, in the order in which compose is given them. */
export function presentComposeFiles(
  directory: string,
  { compose, tenantCompose }: { compose: readonly string[]; tenantCompose: readonly string[] },
): string[] {
  return [...compose, ...tenantCompose].filter((path) => existsSync(join(directory, path)));
}

/** What an error about these files may quote: their own words, unless they are sensitive, and the names of the instance. */
export function quotableWords(
  tenant: Pick<DesiredTenant, 'compose' | 'tenantCompose' | 'imageTag' | 'project'>,
  files: readonly RenderedFile[],
): Set<string> {
  const composeFiles = new Set(tenant.compose);
  const texts = files
    .filter(({ path, sensitive }) => composeFiles.has(path) && !sensitive)
    .map(({ content }) => content.toString('utf8'));
  return knownWords([...texts, ...tenant.compose, ...tenant.tenantCompose, tenant.imageTag, tenant.project]);
}

/**
 * What compose makes of a project's files.
 *
 * @param project its directory may be a shadow of the instance
 * @param tenantDir the instance itself, absolute: paths of the model are below it
 * @throws FlotillaError ComposeInvalid, EnvInvalid, EnvMissing, ... when compose refuses the files
 */
export async function loadComposeModel(
  host: { config: HostConfig; compose: Compose },
  project: ComposeProject,
  tenantDir: string,
  call: ComposeCall,
): Promise<ComposeModel> {
  const [json, composeVersion, environment] = await Promise.all([
    host.compose.config(project, call),
    host.compose.version(call),
    loadVariables(project.directory, host.config),
  ]);
  try {
    return parseComposeModel(json, { directory: tenantDir, shadow: project.directory, composeVersion, environment });
  } catch (cause) {
    throw new FlotillaError('ComposeFailed', 'docker compose config printed something that cannot be understood', {
      cause,
    });
  }
}

/** As compose sees them: what it inherits goes before `.env`. Empty where there is none, or none that can be read. */
async function loadVariables(directory: string, { environment, dockerHost }: HostConfig): Promise<Map<string, string>> {
  const inherited = new Map([...Object.entries({ ...environment, DOCKER_HOST: dockerHost })]);
  const text = await readFile(join(directory, '.env'), 'utf8').catch(() => '');
  const dotenv = parseDotenv(text, inherited);
  return new Map([...('error' in dotenv ? [] : dotenv.values), ...inherited]);
}
