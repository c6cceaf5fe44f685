import PQueue from 'p-queue';
import type { Generation } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredInstance } from '../manifest/desired-state.js';
import { oneLine } from '../plan/format-safe.js';
import type { ObservedTenant } from '../plan/observed.js';
import { createContext, type SharedOptions } from './context.js';
import { EXIT_DONE, EXIT_ERROR } from './exit-code.js';
import { findInstance } from './find-instance.js';
import { type Fleet, openFleet } from './fleet.js';
import { formatError } from './format-error.js';
import type { Io } from './io.js';
import { formatDocument } from './print-report.js';
import { shortRevision } from './short-revision.js';
import { formatAge, formatTable } from './table.js';

interface Options extends SharedOptions {
  io: Io;
  format: 'text' | 'json' | 'yaml';
}

interface Entry {
  slug: string;
  host: string;
  generations: readonly Generation[];
  lastFailure: NonNullable<ObservedTenant['applied']>['lastFailure'];
  hold: { imageTag: string; at: string } | null;
}

/** Instances asked at once. */
const CONCURRENCY = 16;

/** `flotilla generations [SLUG]`: the file sets that hosts keep, newest first. */
export async function generationsCommand({ slug }: { slug?: string }, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const fleet = await openFleet(options, context);
  try {
    const instances = slug === undefined ? fleet.desired.instances : [findInstance(fleet.desired, slug)];
    const queue = new PQueue({ concurrency: CONCURRENCY });
    const answers = await Promise.all(instances.map((instance) => queue.add(() => tryAsk(fleet, instance))));
    const entries = answers.filter((answer): answer is Entry => 'generations' in answer);
    const { out, err } = context.io;
    if (options.format === 'text') await out.write(formatEntries(entries, slug === undefined, new Date()));
    else
      await out.write(
        await formatDocument(
          { apiVersion: 'flotilla.dev/v1', kind: 'GenerationsList', items: entries },
          options.format,
        ),
      );
    const errors = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
    for (const error of errors) await err.write(formatError(error, context.errPaint));
    return errors.length > 0 ? EXIT_ERROR : EXIT_DONE;
  } finally {
    await fleet.close();
  }
}

async function tryAsk(fleet: Fleet, instance: DesiredInstance): Promise<Entry | { error: unknown }> {
  try {
    return await ask(fleet, instance);
  } catch (error) {
    return { error: named(error, instance) };
  }
}

function named(error: unknown, { slug }: DesiredInstance): unknown {
  if (!(error instanceof FlotillaError)) return error;
  const { code, message, hint, cause } = error;
  return new FlotillaError(code, `${slug}: ${message}`, { cause, ...(hint !== undefined && { hint }) });
}

async function ask({ desired, driverFor }: Fleet, { slug, host, project, directory }: DesiredInstance): Promise<Entry> {
  const place = desired.hosts.get(host);
  if (!place) throw new FlotillaError('ManifestInvalid', `no manifest describes host "${host}"`);
  const driver = driverFor(place);
  const ref = { slug, project, directory };
  const [generations, [observed]] = await Promise.all([
    driver.generations(ref),
    driver.observe([{ ...ref, paths: [] }], { containers: false }),
  ]);
  const applied = observed?.applied ?? null;
  const hold = applied?.hold ? { imageTag: applied.hold.imageTag, at: applied.hold.at } : null;
  return { slug, host, generations, lastFailure: observed?.lastFailure ?? null, hold };
}

function formatEntries(entries: readonly Entry[], several: boolean, now: Date): string {
  const rows = entries.flatMap(({ slug, generations }) =>
    generations.map(({ number, imageTag, revision, committedAt, cause, outcome, live }) => [
      ...(several ? [slug] : []),
      String(number),
      imageTag,
      outcome,
      live ? 'live' : '',
      formatAge(committedAt, now),
      shortRevision(revision),
      oneLine(cause),
    ]),
  );
  const head = [...(several ? ['SLUG'] : []), 'GENERATION', 'TAG', 'OUTCOME', 'LIVE', 'AGE', 'REVISION', 'CAUSE'];
  const table = rows.length === 0 ? 'nothing was applied yet\n' : formatTable(head, rows);
  return table + entries.map((entry) => formatRemarks(entry)).join('');
}

function formatRemarks({ slug, lastFailure, hold }: Entry): string {
  const lines: string[] = [];
  if (lastFailure) {
    const { at, code, phase, imageTag, message } = lastFailure;
    const during = phase === '' ? '' : ` during ${phase}`;
    lines.push(`${slug}: applying ${imageTag} failed at ${at}${during} (${code}): ${oneLine(message)}`);
  }
  if (hold) lines.push(`${slug}: rolled back at ${hold.at}; ${hold.imageTag} is held back until desired state changes`);
  return lines.map((line) => `${line}\n`).join('');
}
