import { tmpdir } from 'node:os';
import type { InspectRequest } from '../agent-client/tenant-driver.js';
import type { Dotenv } from '../compose/dotenv.js';
import { parseDotenv } from '../compose/dotenv.js';
import { type ComposeFile, coverEnv, type EnvCoverage, type EnvCoverageInput } from '../compose/env-coverage.js';
import type { FileDiff, Inspection } from '../plan/observed.js';
import type { RenderedFile } from '../render/file-set.js';
import { resolveTenant } from './files/confine.js';
import { readManagedFile, readProjectFile } from './files/confined-file.js';
import { diffFile } from './files/file-diff.js';
import { sha256Of } from './files/file-hash.js';
import { type AppliedRecord, readRecord } from './state/applied-record.js';
import type { TenantHost } from './tenant-host.js';

/**
 * Says what the desired files would change on this host: diffs, variables, and what compose would do. Reads the tenant's
 * `.env` for its names; no value leaves this function. Writes nothing in the instance.
 */
export async function inspectTenant(
  host: TenantHost,
  request: InspectRequest,
  signal?: AbortSignal,
): Promise<Inspection> {
  const { tenant, files, containers } = request;
  const directory = await resolveTenant(host.config.root, tenant.directory);
  const record = readRecord(directory);
  const view = await desiredView(host, directory, files, record);
  const removes = view.leftovers.map((file) => file.path);
  const { envCoverage, problems } = await coverTenant(host, request, view);
  let outlook: Pick<Inspection, 'forecast' | 'refused' | 'problems'> = { forecast: null, refused: null, problems: [] };
  if (containers) {
    const { forecastServices } = await import('./compose/forecast.js');
    const { written: files } = view;
    const input = { host, tenantDir: directory, tenant, files, removes, record, base: tmpdir() };
    outlook = await forecastServices({ ...input, ...(signal && { signal }) });
  }
  return {
    diffs: diffAll(view),
    envCoverage,
    problems: [...problems, ...outlook.problems],
    forecast: outlook.forecast,
    refused: outlook.refused,
  };
}

interface DesiredView {
  directory: string;
  /** What will be there after an apply: everything rendered, but for CreateOnly files that are the tenant's own by now. */
  written: RenderedFile[];
  /** The bytes that are there now, by path; null where there is no such file. */
  current: Map<string, Buffer | null>;
  /** Ours, no longer rendered, and unedited. */
  leftovers: { path: string; content: Buffer }[];
}

async function desiredView(
  { hasher }: TenantHost,
  directory: string,
  files: readonly RenderedFile[],
  record: AppliedRecord | null,
): Promise<DesiredView> {
  const current = new Map<string, Buffer | null>();
  const paths = files.map((file) => file.path);
  for (const [i, { path, sha256 }] of (await hasher.observeFiles(directory, paths)).entries()) {
    // What is in sync need not be read again: the observation before has hashed it.
    const same = files[i]?.sha256 === sha256 ? files[i]?.content : undefined;
    current.set(path, same ?? (sha256 === null ? null : readManagedFile(directory, path)));
  }
  const once = new Set(record?.files.filter((file) => file.createOnly).map((file) => file.path));
  const written = files.filter(
    (file) => file.ownership === 'Managed' || (current.get(file.path) === null && !once.has(file.path)),
  );
  const leftovers = (record?.files ?? []).flatMap((file) => {
    if (file.createOnly || current.has(file.path)) return [];
    const content = readManagedFile(directory, file.path);
    return content && sha256Of(content) === file.sha256 ? [{ path: file.path, content }] : [];
  });
  return { directory, written, current, leftovers };
}

function diffAll({ written, current, leftovers }: DesiredView): FileDiff[] {
  const changed = written.flatMap(({ path, content, sensitive }) => {
    const before = current.get(path) ?? null;
    return before === content || before?.equals(content) ? [] : [diffFile({ path, before, after: content, sensitive })];
  });
  const deleted = leftovers.map(({ path, content }) =>
    diffFile({ path, before: content, after: null, sensitive: true }),
  );
  return [...changed, ...deleted].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function coverTenant(
  host: TenantHost,
  { tenant }: InspectRequest,
  view: DesiredView,
): Promise<{ envCoverage: EnvCoverage; problems: string[] }> {
  const rendered = new Map(view.written.map((file) => [file.path, file]));
  const gone = new Set(view.leftovers.map((file) => file.path));
  const onHost = (path: string) => readProjectFile(view.directory, path);
  const tenantFiles = tenant.tenantCompose.flatMap((path) => toComposeFile(path, onHost(path)));
  const next = tenant.compose.flatMap((path) => {
    const file = rendered.get(path);
    return file
      ? [{ path, text: file.content.toString('utf8'), ...(file.document !== undefined && { document: file.document }) }]
      : toComposeFile(path, onHost(path));
  });
  const current = tenant.compose.flatMap((path) => {
    const content = view.current.get(path);
    if (content === undefined) return toComposeFile(path, onHost(path));
    const same = content === rendered.get(path)?.content ? next.filter((file) => file.path === path) : [];
    return same.length > 0 ? same : toComposeFile(path, content?.toString('utf8'));
  });
  const env = readEnv(rendered.get('.env')?.content.toString('utf8') ?? onHost('.env'));
  const input: Omit<EnvCoverageInput, 'evaluation'> = {
    next: {
      files: [...next, ...tenantFiles],
      read: (path) => rendered.get(path)?.content.toString('utf8') ?? (gone.has(path) ? undefined : onHost(path)),
    },
    current: current.length > 0 ? { files: [...current, ...tenantFiles], read: onHost } : undefined,
    env: env.dotenv,
    environment: composeEnvironment(host),
  };
  let covered = coverEnv({ ...input, evaluation: 'eager' });
  // Asking compose for its version costs more than all the rest.
  if (covered.dependsOnEvaluation) covered = coverEnv({ ...input, evaluation: await host.evaluation() });
  const { problems, dependsOnEvaluation: _, ...envCoverage } = covered;
  return {
    envCoverage,
    problems: [
      ...env.problems,
      ...problems.map((problem) => `${problem.path}${problem.line ? `:${problem.line}` : ''}: ${problem.message}`),
    ],
  };
}

function toComposeFile(path: string, text: string | undefined): ComposeFile[] {
  return text === undefined ? [] : [{ path, text }];
}

function readEnv(text: string | undefined): { dotenv: Dotenv | undefined; problems: string[] } {
  if (text === undefined) return { dotenv: undefined, problems: [] };
  const dotenv = parseDotenv(text);
  if (!('error' in dotenv)) return { dotenv, problems: [] };
  const { line, reason } = dotenv.error;
  return { dotenv: undefined, problems: [`.env${line === undefined ? '' : `:${line}`}: ${reason}`] };
}

/** What compose is started with also satisfies variables. */
function composeEnvironment({ config }: TenantHost): ReadonlyMap<string, string> {
  return new Map([...Object.entries(config.environment), ['DOCKER_HOST', config.dockerHost]]);
}
