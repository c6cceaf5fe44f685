import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dotenv, type DotenvError, parseDotenv } from '../../src/compose/dotenv.js';
import { type Interpolation, interpolate } from '../../src/compose/interpolation.js';
import { batchEnvironment, dotenvText, place, templateText } from '../support/compose-arbitraries.js';
import { composeConfig, composeJson } from '../support/compose-config.js';

// Random, unless SEED is given: a failure prints the seed it had.
const SEED = process.env.SEED ? Number(process.env.SEED) : Date.now() & 0x7fffffff;
const TIME_LIMIT_MS = 45_000;
/** Compose stops at the first error of a run, so texts that it should refuse are tried one at a time, so many of a kind and batch. */
const REFUSED_PER_BATCH = 3;

const sortedUnion = (lists: string[][]): string[] => [...new Set(lists.flat())].sort();

describe('values are interpolated as compose interpolates them', () => {
  it('for any text', { timeout: 2 * TIME_LIMIT_MS }, async () => {
    const counts = { accepted: 0, required: 0, invalid: 0 };
    const batch = fc.array(templateText, { minLength: 1, maxLength: 120, size: 'max' });
    await fc.assert(
      fc.asyncProperty(batch, async (raw) => {
        const texts = raw.map(place);
        const env = batchEnvironment(texts.length);
        const foretold = texts.map((text) => ({ text, result: interpolate(text, (key) => env[key], 'eager') }));
        const accepted = foretold.filter(({ result }) => isAccepted(result));
        counts.accepted += accepted.length;
        await expectAccepted(accepted, env);
        const refused = foretold.filter(({ result }) => !isAccepted(result));
        for (const kind of ['invalid', 'required'] as const) {
          for (const one of refused.filter(({ result }) => kind in result).slice(0, REFUSED_PER_BATCH)) {
            counts[kind]++;
            await expectRefused(one, env);
          }
        }
      }),
      { seed: SEED, numRuns: 40, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: false },
    );
    console.info(`interpolation, seed ${SEED}: ${JSON.stringify(counts)}`);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });
});

interface Foretold {
  text: string;
  result: Interpolation;
}

function isAccepted(result: Interpolation): boolean {
  return 'value' in result && result.required.length === 0;
}

const probe = (texts: string[]) =>
  composeJson({
    services: { p: { image: 'x', environment: Object.fromEntries(texts.map((text, i) => [`K${i}`, text])) } },
  });

async function expectAccepted(foretold: Foretold[], env: Record<string, string>): Promise<void> {
  const run = await composeConfig({ 'docker-compose.yml': probe(foretold.map(({ text }) => text)) }, env);
  expect(run.stderr.replace(/^time=.*\n/gm, '')).toBe('');
  const values = foretold.map(({ result }, i) => [`K${i}`, 'value' in result ? result.value : undefined]);
  expect(run.project.services.p.environment ?? {}).toEqual(Object.fromEntries(values));
  expect(run.warned).toEqual(sortedUnion(foretold.map(({ result }) => ('warned' in result ? result.warned : []))));
}

async function expectRefused({ text, result }: Foretold, env: Record<string, string>): Promise<void> {
  const run = await composeConfig({ 'docker-compose.yml': probe([text]) }, env);
  expect(run.exitCode, text).toBe(15);
  if ('invalid' in result) expect(run.stderr).toMatch(/invalid interpolation format|required variable/);
  else {
    const { name, message } = result.required[0] ?? expect.unreachable();
    expect(run.stderr).toContain(`required variable ${name} is missing a value${message && `: ${message}`}\n`);
  }
}

describe('.env texts are read as compose reads them', () => {
  it('as the env_file of a service', { timeout: 2 * TIME_LIMIT_MS }, async () => {
    const counts = { accepted: 0, refused: 0 };
    const batch = fc.array(dotenvText, { minLength: 1, maxLength: 80, size: 'max' });
    await fc.assert(
      fc.asyncProperty(batch, async (raw) => {
        const texts = raw.map(place);
        const env = batchEnvironment(texts.length);
        const read = texts.map((text) => ({ text, result: parseDotenv(text, mapOf(env), { as: 'service' }) }));
        const accepted = read.filter((one): one is { text: string; result: Dotenv } => 'values' in one.result);
        counts.accepted += accepted.length;
        await expectSameFiles(accepted, env);
        for (const { text, result } of read.filter(isRefused).slice(0, REFUSED_PER_BATCH)) {
          counts.refused++;
          const run = await composeConfig(serviceFiles([text]), env);
          expect([run.exitCode, text]).toEqual([15, text]);
          expectSaysNothing(result.error, text);
        }
      }),
      { seed: SEED, numRuns: 40, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: false },
    );
    console.info(`env_file, seed ${SEED}: ${JSON.stringify(counts)}`);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });

  it('as the .env of a project', { timeout: TIME_LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(dotenvText, async (raw) => {
        const text = place(raw, 0);
        const env = batchEnvironment(1);
        const result = parseDotenv(text, mapOf(env));
        const expected = 'values' in result ? { ...Object.fromEntries(result.values), ...env } : {};
        const listed = composeJson({ services: { p: { image: 'x', environment: escaped(Object.keys(expected)) } } });
        const run = await composeConfig({ 'docker-compose.yml': listed, '.env': text }, env);
        expect([text, run.exitCode]).toEqual([text, 'error' in result ? 1 : 0]);
        if (run.exitCode === 0) expect([text, run.project.services.p.environment]).toEqual([text, expected]);
      }),
      { seed: SEED, numRuns: 60, interruptAfterTimeLimit: TIME_LIMIT_MS / 2, markInterruptAsFailure: false },
    );
  });
});

const mapOf = (env: Record<string, string>): Map<string, string> => new Map(Object.entries(env));
const escaped = (texts: string[]): string[] => texts.map((text) => text.replaceAll('$', '$$$$'));

function isRefused(one: { text: string; result: Dotenv | { error: DotenvError } }): one is {
  text: string;
  result: { error: DotenvError };
} {
  return 'error' in one.result;
}

function serviceFiles(texts: string[]): Record<string, string> {
  const services = texts.map((_, i) => [`s${i}`, { image: 'x', env_file: `${i}.env` }]);
  const files = texts.map((text, i) => [`${i}.env`, text]);
  return {
    'docker-compose.yml': composeJson({ services: Object.fromEntries(services) }),
    ...Object.fromEntries(files),
  };
}

async function expectSameFiles(read: { text: string; result: Dotenv }[], env: Record<string, string>): Promise<void> {
  if (read.length === 0) return;
  const run = await composeConfig(serviceFiles(read.map(({ text }) => text)), env);
  expect(run.stderr.replace(/^time=.*\n/gm, '')).toBe('');
  const actual = read.map(({ text }, i) => [text, run.project.services[`s${i}`].environment ?? {}]);
  expect(actual).toEqual(read.map(({ text, result }) => [text, Object.fromEntries(result.values)]));
  expect(run.warned).toEqual(sortedUnion(read.map(({ result }) => result.warned)));
}

function expectSaysNothing(error: DotenvError, text: string): void {
  const texts = ['value', 'name', 'holds', 'that', 'not', 'export', 'variable', 'reference', 'invalid'];
  for (const word of text.match(/[\w]{3,}/g) ?? []) if (!texts.includes(word)) expect(error.reason).not.toContain(word);
}
