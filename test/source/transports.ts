import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { FlotillaError } from '../../src/errors.js';
import type { Snapshot, Source } from '../../src/source/source.js';
import { instance } from './manifests.js';
import { type Repository, read } from './repository.js';

/** Much less than a fetch may take: whoever waits for an answer that nobody gives does not end before. */
const SOON_MS = 30_000;

export const slugs = ({ desired }: Snapshot) => desired.instances.map(({ slug }) => slug);

/** It reads what is there, and then what has come meanwhile. */
export async function expectFollowed(repository: Repository, url: string): Promise<void> {
  const source = repository.source({ url });
  const first = await read(source);
  expect([first.revision, slugs(first)]).toEqual([repository.git('rev-parse', 'HEAD'), ['acme', 'beta']]);
  const commit = repository.commit({ 'manifests/gamma.yaml': instance('gamma') });
  const second = await read(source);
  expect([second.revision, slugs(second)]).toEqual([commit, ['acme', 'beta', 'gamma']]);
}

/** Why it cannot be read, which is known soon; `shown` is all that somebody gets to see of it. */
export async function failureOf(source: Source): Promise<{ code: string; message: string; shown: string }> {
  const started = Date.now();
  const error = await read(source).then(
    () => Promise.reject(new Error('it was read')),
    (thrown: FlotillaError) => thrown,
  );
  expect(Date.now() - started).toBeLessThan(SOON_MS);
  const { code, message, hint } = error;
  return { code, message, shown: `${message} ${hint} ${JSON.stringify(error)} ${error.stack}` };
}

/** As an operator sets it for all repositories. */
export function setForGit({ env }: Repository, name: string, value: string): void {
  execFileSync('git', ['config', '--global', name, value], { env });
}

/** A program of the operator, in sh. @returns its path */
export function writeProgram({ base }: Repository, name: string, text: string): string {
  const path = join(base, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}
