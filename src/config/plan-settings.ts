import { resolve } from 'node:path';
import { parseDuration } from '../manifest/duration.js';
import { resolveUrl } from './git-url.js';
import type { Overrides } from './overrides.js';
import { parseRetention } from './retention.js';
import type { DirectorySourceConfig, GitSourceConfig, WatchConfig } from './watch-config.js';
import { type WatchConfigSpec, watchConfigSchema } from './watch-config-schema.js';

/** What relative paths are relative to: those of the file (and defaults), those of flags and environment. */
export interface Bases {
  file: string;
  cwd: string;
}

/** All settings but those that others' secrets and templates are needed for. */
export type PlainSettings = Omit<WatchConfig, 'webhooks' | 'notifications'>;

/** Flags and environment win over the file, the file over the defaults of the schema. Pure. */
export function planSettings(spec: WatchConfigSpec, overrides: Overrides, bases: Bases): PlainSettings {
  const path = (name: 'state' | 'pki') => resolvePath(overrides[name], spec[name] ?? DEFAULTS[name].default, bases);
  const listen = overrides.listen ?? spec.listen ?? DEFAULTS.listen.default;
  const { concurrency, resync, history, log } = DEFAULTS;
  return {
    source: planSource(spec.source, overrides, bases),
    state: path('state'),
    pki: path('pki'),
    listen: listen === 'off' ? null : listen,
    concurrency: {
      total: spec.concurrency?.total ?? concurrency.properties.total.default,
      perHost: overrides.perHost ?? spec.concurrency?.perHost ?? concurrency.properties.perHost.default,
    },
    resync: {
      cron: spec.resync?.schedule ?? resync.properties.schedule.default,
      timeZone: spec.resync?.timeZone ?? resync.properties.timeZone.default,
      jitterMs: parseDuration(spec.resync?.jitter ?? resync.properties.jitter.default) ?? 0,
    },
    shrinkTo: spec.shrinkTo ?? DEFAULTS.shrinkTo.default,
    retentionMs: parseRetention(spec.history?.retention ?? history.properties.retention.default) ?? 0,
    logLevel: overrides.logLevel ?? spec.log?.level ?? log.properties.level.default,
  };
}

const DEFAULTS = watchConfigSchema.properties.spec.properties;
const { directory: DIRECTORY, git: GIT } = DEFAULTS.source.properties;

function planSource(
  source: WatchConfigSpec['source'],
  overrides: Overrides,
  bases: Bases,
): DirectorySourceConfig | GitSourceConfig {
  if (source?.git !== undefined) return planGit(source.git, bases);
  const path = (name: 'manifests' | 'templates') =>
    resolvePath(overrides[name], source?.directory?.[name] ?? DIRECTORY.properties[name].default, bases);
  return { kind: 'directory', manifests: path('manifests'), templates: path('templates') };
}

function planGit(git: NonNullable<NonNullable<WatchConfigSpec['source']>['git']>, bases: Bases): GitSourceConfig {
  const { properties } = GIT;
  return {
    kind: 'git',
    url: resolveUrl(git.url, bases.file),
    ref: git.tag === undefined ? { branch: git.branch ?? 'main' } : { tag: git.tag },
    manifests: git.manifests ?? properties.manifests.default,
    templates: git.templates ?? properties.templates.default,
    intervalMs: parseDuration(git.interval ?? properties.interval.default) ?? 0,
    allowedSigners: git.verify === undefined ? null : resolve(bases.file, git.verify.allowedSigners),
  };
}

function resolvePath(override: string | undefined, written: string, bases: Bases): string {
  return override === undefined ? resolve(bases.file, written) : resolve(bases.cwd, override);
}
