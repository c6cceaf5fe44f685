import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseDotenv } from '../../src/compose/dotenv.js';
import { coverEnv, referencedVariables } from '../../src/compose/env-coverage.js';
import { surveySources } from '../../src/compose/env-survey.js';
import { interpolate } from '../../src/compose/interpolation.js';

const ROOT = fileURLToPath(new URL('../fixtures/compose-oracle/cases/', import.meta.url));
const IDS = readdirSync(ROOT).sort();

interface Expected {
  exitCode: number;
  error: string;
  warned: string[];
  requiredMissing: { name: string; message: string }[];
  exitCodeWhenRequiredSet: number;
  warnedWhenRequiredSet: string[];
  resolvedWhenRequiredSet: { services?: Record<string, { environment?: Record<string, string | null> }> } | null;
  influencing?: string[];
  projectEnv?: Record<string, string> | null;
  asEnvFile?: Record<string, string> | { exitCode: number; error: string };
}

/** Cases where compose reads other files than it finds by itself; the arguments and COMPOSE_* that say so are not ours. */
const LAYOUT: Record<string, { files?: string[]; env?: string[]; directory?: string }> = {
  'e003-env-file-flag': { env: ['alt.env'] },
  'e004-env-file-two': { env: ['1.env', '2.env'] },
  'e005-env-file-flag-missing': { files: [], env: [] },
  'e006-shell-over-env-file': { env: ['alt.env'] },
  'e013-compose-file-dotenv': { files: ['docker-compose.yml', 'second.yml'] },
  'e014-compose-file-sep': { files: ['docker-compose.yml', 'second.yml'] },
  'e015-compose-env-files': { env: ['o.env'] },
  'e016-disable-env-file': { env: [] },
  'e021-compose-file-subdir': { files: ['c.yml'], env: ['../.env', '.env'], directory: 'sub' },
  'e023-project-dir': { directory: 'sub' },
  'f002-explicit-f-no-override': { files: ['docker-compose.yml'] },
  'f003-two-f': { files: ['docker-compose.yml', 'x.yml'] },
  'f012-no-compose-file': { files: [] },
};

/** Compose refuses these, env coverage does not: not for their variables. What does apply is asserted all the same. */
const REFUSED_ELSEWHERE: Record<string, string> = {
  'e005-env-file-flag-missing': 'the file of --env-file is missing',
  'e010-project-name-invalid': 'the project name is invalid',
  'f007-extends-missing': 'exit 14: an extended file is missing',
  'f011-include-missing': 'exit 14: an included file is missing',
  'f012-no-compose-file': 'exit 14: there is no compose file',
  'p005-env-file-missing': 'exit 14: an env_file is missing',
  'p007-env-file-required-missing': 'exit 14: an env_file is missing',
  'w002-service-key': 'schema: a service name',
  'w008-name-unset': 'the project name is empty',
  'w014-cast-blank-int': 'schema: an integer is blank',
  'w015-cast-bad-bool': 'schema: a boolean is none',
  'w017-port-bad': 'schema: a port is none',
  'w019-image-blank-all': 'schema: neither image nor build',
  'w027-depends-bool': 'schema: a boolean is a string',
  'w034-unknown-key': 'schema: an unknown key',
  'w036-empty-file': 'the compose file is empty',
};

/** `config` does not look at these, `up` fails on them: blocking here, silent there. */
const BLOCKING_AT_UP: Record<string, string[]> = {
  'p013-secret-env': ['SEC_UNSET'],
  'p015-config-env-unset': ['CFG_UNSET'],
};

/** Variables that change the result without being interpolated: passed through, or read by compose for itself. */
const NOT_INTERPOLATED: Record<string, string[]> = {
  'e010-project-name-invalid': ['COMPOSE_PROJECT_NAME'],
  'e011-profiles-dotenv': ['COMPOSE_PROFILES'],
  'e013-compose-file-dotenv': ['COMPOSE_FILE'],
  'e014-compose-file-sep': ['COMPOSE_FILE', 'COMPOSE_PATH_SEPARATOR'],
  'e021-compose-file-subdir': ['COMPOSE_FILE'],
  'p001-passthrough-list': ['SET1', 'UNSET1'],
  'p002-passthrough-map': ['SET1', 'UNSET1'],
  'p009-env-file-is-dotenv': ['SECRET'],
  'p010-env-file-inherits': ['NOWHERE'],
  'p018-env-list-interp-key-only': ['TARGET'],
  'w025-build-args': ['BA'],
  'w026-build-args-map': ['BA'],
  'w032-null-and-bool-values': ['D'],
};

function loadCase(id: string) {
  const dir = join(ROOT, id);
  const json = (name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8'));
  const layout = LAYOUT[id] ?? {};
  const base = join(dir, layout.directory ?? '');
  const asked: string[] = [];
  const read = (path: string) => {
    asked.push(path);
    const full = join(base, path);
    return existsSync(full) && statSync(full).isFile() ? readFileSync(full, 'utf8') : undefined;
  };
  const found = ['compose.yaml', 'docker-compose.yml'].find((name) => existsSync(join(base, name)));
  const override = existsSync(join(base, 'docker-compose.override.yml')) ? ['docker-compose.override.yml'] : [];
  const paths = layout.files ?? (found ? [found, ...override] : []);
  const files = paths.map((path) => ({ path, text: readFileSync(join(base, path), 'utf8') }));
  const shell = new Map<string, string>(Object.entries(json('case.json').env ?? {}));
  const env = loadEnv((layout.env ?? ['.env']).map(read), shell);
  return { dir, expected: json('expected.json') as Expected, sources: { files, read }, asked, shell, env };
}

function loadEnv(texts: (string | undefined)[], shell: ReadonlyMap<string, string>) {
  const values = new Map<string, string>();
  let last: ReturnType<typeof parseDotenv> | undefined;
  for (const text of texts.filter((one) => one !== undefined)) {
    last = parseDotenv(text, new Map([...values, ...shell]));
    if ('error' in last) throw new Error(last.error.reason);
    for (const [name, value] of last.values) values.set(name, value);
  }
  return last && !('error' in last) ? { ...last, values } : undefined;
}

const names = (required: readonly { name: string }[]) => [...new Set(required.map(({ name }) => name))].sort();

const projectIds = IDS.filter((id) => !id.startsWith('d'));
const dotenvIds = IDS.filter((id) => id.startsWith('d'));

it('has all of the cases', () => {
  expect([projectIds.length, dotenvIds.length]).toEqual([148, 58]);
});

describe('env coverage answers as compose did', () => {
  it.each(projectIds)('%s', (id) => {
    const { expected, sources, shell, env, asked } = loadCase(id);
    const atUp = BLOCKING_AT_UP[id] ?? [];
    const input = { next: sources, current: undefined, env, evaluation: 'eager', environment: shell } as const;

    const now = coverEnv(input);
    expect(now.blocking).toEqual([...names(expected.requiredMissing), ...atUp].sort());
    if (expected.requiredMissing.length === 0) expect(now.missingInTenantEnv).toEqual(expected.warned);
    for (const name of [...now.blocking, ...now.missingInTenantEnv]) expect(now.required).toContain(name);
    expect(now.newlyNeeded).toEqual([...new Set([...now.blocking, ...now.missingInTenantEnv])].sort());

    const set = new Map([...shell, ...now.blocking.map((name) => [name, 'zz9'] as const)]);
    const later = coverEnv({ ...input, environment: set });
    expect(later.blocking).toEqual([]);
    expect(later.missingInTenantEnv).toEqual(expected.warnedWhenRequiredSet);

    const refused = later.problems.length > 0 || id in REFUSED_ELSEWHERE;
    expect(refused).toBe(expected.exitCodeWhenRequiredSet !== 0);
    expect(expected.exitCode !== 0).toBe(refused || expected.requiredMissing.length > 0);
    const missing = id.startsWith('p') ? 'nope.env' : 'nope.yml';
    if (expected.exitCode === 14 && sources.files.length > 0) expect(asked).toContain(missing);
  });
});

describe('messages of required variables are those of compose', () => {
  it.each(projectIds.filter((id) => loadCase(id).expected.requiredMissing.length > 0))('%s', (id) => {
    const { expected, sources, shell, env } = loadCase(id);
    const { met } = surveySources(sources, (name) => shell.get(name) ?? env?.values.get(name), 'eager');
    const unique = new Map(met.required.map((one) => [JSON.stringify(one), one]));
    expect([...unique.values()].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(expected.requiredMissing);
  });
});

describe('whatever influences the result is referenced', () => {
  it.each(projectIds.filter((id) => loadCase(id).expected.influencing))('%s', (id) => {
    const { expected, sources } = loadCase(id);
    const apart = NOT_INTERPOLATED[id] ?? [];
    const interpolated = (expected.influencing ?? []).filter((name) => !apart.includes(name));
    expect(referencedVariables(sources)).toEqual(expect.arrayContaining(interpolated));
  });
});

describe('values are those of compose', () => {
  const withValues = IDS.filter((id) => id.startsWith('i') && loadCase(id).expected.resolvedWhenRequiredSet);

  it('in most of the cases on interpolation', () => expect(withValues.length).toBeGreaterThan(40));

  it.each(withValues)('%s', (id) => {
    const { expected, sources, env } = loadCase(id);
    const set = new Map(expected.requiredMissing.map(({ name }) => [name, 'zz9']));
    const document = parse(sources.files[0]?.text ?? '');
    const entries = Object.entries<string>(document.services.a.environment);
    const values = entries.map(([key, text]) => {
      const result = interpolate(text, (name) => set.get(name) ?? env?.values.get(name), 'eager');
      return [key, 'value' in result ? result.value : result];
    });
    expect(Object.fromEntries(values)).toEqual(expected.resolvedWhenRequiredSet?.services?.a?.environment);
  });
});

describe('.env files read as compose reads them', () => {
  it.each(dotenvIds)('%s', (id) => {
    const dir = join(ROOT, id);
    const expected: Expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8'));
    const shell: [string, string][] = Object.entries(
      JSON.parse(readFileSync(join(dir, 'case.json'), 'utf8')).env ?? {},
    );
    const text = readFileSync(join(dir, '.env'), 'utf8');

    const project = parseDotenv(text, new Map(shell));
    if (expected.projectEnv === null) {
      expect('error' in project && project.error.line).toBeGreaterThan(0);
      expectNoLeak(project, text);
    } else if ('values' in project) {
      expect(Object.fromEntries([...project.values, ...shell])).toEqual(expected.projectEnv);
      expect(project.warned).toEqual(expected.warned);
      expect(project.names).toEqual([...project.values.keys()].sort());
      expect(project.empty).toEqual(project.names.filter((name) => project.values.get(name) === ''));
    } else expect.unreachable('compose can use this file');

    const service = parseDotenv(text, new Map(shell), { as: 'service' });
    if (typeof expected.asEnvFile?.exitCode === 'number') expectNoLeak(service, text);
    else expect('values' in service && Object.fromEntries(service.values)).toEqual(expected.asEnvFile);
  });

  function expectNoLeak(result: ReturnType<typeof parseDotenv>, text: string): void {
    const reason = 'error' in result ? result.error.reason : expect.unreachable('compose refuses this file');
    for (const word of text.match(/[^\s=:'"${}]{3,}/g) ?? []) {
      if (!['This', 'text'].includes(word)) expect(reason).not.toContain(word);
    }
  }
});
