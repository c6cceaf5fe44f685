import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type LoadWatchConfigOptions, loadWatchConfig } from '../../src/config/load-watch-config.js';
import type { WatchConfig } from '../../src/config/watch-config.js';
import { FlotillaError, type Problem } from '../../src/errors.js';

export const HEAD = 'apiVersion: flotilla.dev/v1\nkind: WatchConfig\n';

/** A directory with `files`, which nobody else may read unless their mode says so; removed after the test. */
export function directoryOf(files: Readonly<Record<string, string | Buffer>>, mode = 0o600): string {
  const root = mkdtempSync(join(tmpdir(), 'flotilla-config-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode });
  }
  return root;
}

export function load(cwd: string, options: Partial<LoadWatchConfigOptions> = {}): Promise<WatchConfig> {
  return loadWatchConfig({ env: {}, cwd, checkNoticeTemplate: () => null, ...options });
}

/** The problems of a configuration that is refused, as a person sees them. */
export async function problemsOf(loading: Promise<WatchConfig>): Promise<string[]> {
  const error = await loading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FlotillaError)) throw new Error('the configuration was taken', { cause: error });
  if (error.code !== 'ConfigInvalid') throw error;
  return error.problems.length === 0 ? [error.message] : error.problems.map(show);
}

export function show({ file, line, column, message, excerpt, hint }: Problem): string {
  const head = `${[file, line, column].filter((part) => part !== undefined).join(':')}: ${message}`;
  return [head, ...(excerpt === undefined ? [] : [excerpt]), ...(hint === undefined ? [] : [`(${hint})`])].join('\n');
}
