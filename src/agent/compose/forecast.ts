import { posix } from 'node:path';
import { type ComposeModel, NOTHING_INLINE, type ServiceModel } from '../../compose/model.js';
import { type ErrorCode, FlotillaError } from '../../errors.js';
import type { Inspection, ServiceForecast } from '../../plan/observed.js';
import type { DesiredTenant } from '../../plan/plan.js';
import type { RenderedFile } from '../../render/file-set.js';
import { readManagedFile } from '../files/confined-file.js';
import { buildShadow } from '../files/shadow.js';
import type { HostConfig } from '../host.js';
import type { AppliedRecord, RecordedService } from '../state/applied-record.js';
import type { Compose, ComposeCall } from './compose-cli.js';
import { loadComposeModel, presentComposeFiles, quotableWords } from './load-compose-model.js';
import { writtenImages } from './written-images.js';

export interface ForecastInput {
  host: { config: HostConfig; compose: Compose };
  /** Absolute. */
  tenantDir: string;
  tenant: DesiredTenant;
  /** All that an apply would leave in place: CreateOnly files only where they are absent. */
  files: readonly RenderedFile[];
  /** Paths that an apply would remove. */
  removes: readonly string[];
  record: AppliedRecord | null;
  /** Where the shadow directory is made; absolute. */
  base: string;
  signal?: AbortSignal;
}

export interface Forecast extends Pick<Inspection, 'forecast' | 'refused' | 'problems'> {
  /** What compose makes of the new files; null when it refuses them. Derived from values: it stays on the host. */
  next: ComposeModel | null;
}

const CONFIG_TIMEOUT_MS = 60_000;

/** What compose says about the files themselves; anything else is a failure of the host. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['ComposeInvalid', 'ComposeFailed', 'EnvInvalid', 'EnvMissing']);

/**
 * Has compose read the new files as they would stand, in a shadow of the instance, and the ones that are there now, and says
 * service by service what differs. Writes nothing in the instance and needs no engine.
 *
 * @throws FlotillaError ComposeMissing, TimedOut, Cancelled. That compose refuses the new files is a result: `refused`.
 */
export async function forecastServices(input: ForecastInput): Promise<Forecast> {
  const call = {
    timeoutMs: CONFIG_TIMEOUT_MS,
    known: quotableWords(input.tenant, input.files),
    ...(input.signal && { signal: input.signal }),
  };
  try {
    const { next, current } = await loadModels(input, call);
    const version = await input.host.compose.version(call);
    return { forecast: compareModels(input, next, current, version), refused: null, problems: [], next };
  } catch (error) {
    if (!(error instanceof FlotillaError) || !REFUSALS.has(error.code)) throw error;
    const { code, message, hint } = error;
    return { forecast: [], refused: { code, message, ...(hint !== undefined && { hint }) }, problems: [], next: null };
  }
}

interface Models {
  next: ComposeModel;
  /** null when there are no compose files yet, or compose cannot read them. */
  current: ComposeModel | null;
}

/** Both at once; a single run where an apply would change no file. */
async function loadModels(input: ForecastInput, call: ComposeCall): Promise<Models> {
  const { tenantDir, removes } = input;
  const writes = input.files.filter(({ path, content }) => !readManagedFile(tenantDir, path)?.equals(content));
  if (writes.length === 0 && removes.length === 0) {
    const same = await loadNext(input, tenantDir, call);
    return { next: same, current: same };
  }
  const shadow = await buildShadow(tenantDir, { base: input.base, writes, removes });
  try {
    const current = loadCurrent(input, call);
    // Settled before the shadow goes: compose must not be left reading it.
    const [next, now] = await Promise.allSettled([loadNext(input, shadow.directory, call), current]);
    if (next.status === 'rejected') throw next.reason;
    return { next: next.value, current: now.status === 'fulfilled' ? now.value : null };
  } finally {
    await shadow.dispose();
  }
}

function loadNext(
  { host, tenant, tenantDir }: ForecastInput,
  directory: string,
  call: ComposeCall,
): Promise<ComposeModel> {
  const files = presentComposeFiles(directory, tenant);
  return loadComposeModel(host, { project: tenant.project, directory, files }, tenantDir, call);
}

/** The files of the record, which may have other names than the template's files have now. */
async function loadCurrent(
  { host, tenant, tenantDir, record }: ForecastInput,
  call: ComposeCall,
): Promise<ComposeModel | null> {
  const files = presentComposeFiles(tenantDir, record ?? tenant);
  if (files.length === 0) return null;
  return loadComposeModel(host, { project: tenant.project, directory: tenantDir, files }, tenantDir, call);
}

function compareModels(
  input: ForecastInput,
  next: ComposeModel,
  current: ComposeModel | null,
  version: string,
): ServiceForecast[] {
  const { tenantDir, tenant, files, record } = input;
  const images = writtenImages(tenant, tenantDir, files);
  const previousImages = writtenImages(record ?? tenant, tenantDir);
  const recorded = recordedServices(record, version);
  return Object.values(next.services)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((service) => {
      const was = current?.services[service.name];
      return {
        name: service.name,
        image: images.get(service.name) ?? '',
        previousImage: was === undefined ? null : (previousImages.get(service.name) ?? ''),
        replicas: service.replicas,
        oneShot: service.oneShot,
        mounts: relativeMounts(service, tenantDir),
        sharesWith: service.sharesWith,
        ...compareService(service, was, recorded, record?.outcome !== 'verified'),
      };
    });
}

/** null: nothing to compare with, because nothing was brought up by us, or by a compose that hashed in another way. */
function recordedServices(record: AppliedRecord | null, version: string): Map<string, RecordedService> | null {
  if (record === null || record.services.length === 0 || record.composeVersion !== version) return null;
  return new Map(record.services.map((service) => [service.name, service]));
}

function compareService(
  next: ServiceModel,
  current: ServiceModel | undefined,
  recorded: ReadonlyMap<string, RecordedService> | null,
  unverified: boolean,
): Pick<ServiceForecast, 'definition' | 'inlineChanged'> {
  const made = recorded === null ? current : recorded.get(next.name);
  if (made === undefined) return { definition: 'new', inlineChanged: false };
  // Unverified: an `up` that was not finished may have made its container from other contents than the record's.
  const inlineChanged = made.inline !== next.inline || (unverified && next.inline !== NOTHING_INLINE);
  if (made.definition === next.definition) return { definition: 'same', inlineChanged };
  return { definition: current?.definition === next.definition ? 'environment' : 'update', inlineChanged };
}

function relativeMounts({ mounts }: ServiceModel, tenantDir: string): string[] {
  const relative = mounts.map((mount) => posix.relative(tenantDir, mount) || '.');
  return relative.filter((path) => path !== '..' && !path.startsWith('../')).sort();
}
