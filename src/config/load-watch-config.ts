import { dirname, resolve } from 'node:path';
import { FlotillaError, type Problem } from '../errors.js';
import type { ConfigReading } from './config-reading.js';
import { type CheckNoticeTemplate, loadNotifications } from './load-notifications.js';
import { loadWebhooks } from './load-webhooks.js';
import { type Environment, type Overrides, readOverrides, type WatchFlags } from './overrides.js';
import { planSettings } from './plan-settings.js';
import { type ReadWatchConfig, readWatchConfig } from './read-watch-config.js';
import { readTextFile } from './secret-file.js';
import type { WatchConfig } from './watch-config.js';
import type { WatchConfigSpec } from './watch-config-schema.js';

export interface LoadWatchConfigOptions {
  /** As it was typed; without it `FLOTILLA_CONFIG` names the file, and without that there is none. */
  file?: string | undefined;
  /** Only those that were given: they win over the environment, which wins over the file. */
  flags?: WatchFlags;
  env: Environment;
  /** What relative paths on the command line and in the environment are relative to. */
  cwd: string;
  checkNoticeTemplate: CheckNoticeTemplate;
}

/**
 * All that the daemon is told. Relative paths of the file, and defaults, are relative to the file's directory.
 *
 * @throws FlotillaError ConfigInvalid with every problem that there is; no secret is in them
 */
export async function loadWatchConfig(options: LoadWatchConfigOptions): Promise<WatchConfig> {
  const { flags = {}, env, cwd, checkNoticeTemplate } = options;
  const named = options.file ?? (env.FLOTILLA_CONFIG || undefined);
  const read = named === undefined ? NOTHING : await readFile(named, cwd);
  const { overrides, problems } = readOverrides(flags, env);
  problems.unshift(...read.problems);
  const { spec } = read;
  if (spec === undefined) throw invalid(problems);
  problems.push(...findMisplaced(spec, overrides));
  const base = named === undefined ? cwd : dirname(resolve(cwd, named));
  const reading: ConfigReading = {
    base,
    env,
    report: (path, message, hint) => {
      problems.push(read.locate({ code: 'ConfigInvalid', message, path, ...(hint === undefined ? {} : { hint }) }));
    },
  };
  const webhooks = await loadWebhooks(spec.webhooks, reading);
  const notifications = await loadNotifications(spec.notifications, checkNoticeTemplate, reading);
  if (problems.length > 0) throw invalid(problems);
  return { ...planSettings(spec, overrides, { file: base, cwd }), webhooks, notifications };
}

const NOTHING: Pick<ReadWatchConfig, 'spec' | 'problems' | 'locate'> = {
  spec: {},
  problems: [],
  locate: ({ code, message }) => ({ code, message, file: '' }),
};

async function readFile(named: string, cwd: string): Promise<ReadWatchConfig> {
  const read = await readTextFile(resolve(cwd, named), false);
  if ('text' in read) return readWatchConfig(named, read.text);
  throw new FlotillaError('ConfigInvalid', read.fault, { hint: 'name another with --config or FLOTILLA_CONFIG' });
}

/** Directories that were given beside a repository, which has folders of its own. */
function findMisplaced({ source }: WatchConfigSpec, overrides: Overrides): Problem[] {
  if (source?.git === undefined) return [];
  const names = (['manifests', 'templates'] as const).filter((name) => overrides[name] !== undefined);
  return names.map((name) => ({
    code: 'ConfigInvalid',
    message: 'a directory was given, but desired state is read from spec.source.git',
    file: `--${name} or FLOTILLA_${name.toUpperCase()}`,
    hint: `leave it out, or set spec.source.git.${name}`,
  }));
}

function invalid(problems: readonly Problem[]): FlotillaError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new FlotillaError('ConfigInvalid', `the configuration has ${count}`, { problems });
}
