// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are compose's own references
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseComposeText } from '../../src/compose/compose-text.js';
import { type Dotenv, parseDotenv } from '../../src/compose/dotenv.js';
import { type ComposeSources, coverEnv, referencedVariables } from '../../src/compose/env-coverage.js';
import { templateText } from '../support/compose-arbitraries.js';

function sources(compose: string, others: Record<string, string> = {}): ComposeSources {
  return { files: [{ path: 'docker-compose.yml', text: compose }], read: (path) => others[path] };
}

function env(text: string): Dotenv {
  const result = parseDotenv(text);
  if ('error' in result) throw new Error(result.error.reason);
  return result;
}

const service = (...lines: string[]) =>
  `services:\n  a:\n    image: x\n${lines.map((line) => `    ${line}\n`).join('')}`;

describe('coverEnv', () => {
  it('sorts variables into required, missing, blocking and newly needed', () => {
    const next = sources(service('command: ["$Z", "${M}", "${R:?r}", "${E:?e}", "${F?f}", "${D:-d}", "${S}"]'));
    const current = sources(service('command: ["${M:-was optional}", "${E}"]'));
    expect(coverEnv({ next, current, env: env('S=1\nE=\nF=\nP=a$b\n'), evaluation: 'eager' })).toEqual({
      required: ['E', 'F', 'M', 'R', 'S', 'Z'],
      missingInTenantEnv: ['M', 'Z'],
      blocking: ['E', 'R'],
      newlyNeeded: ['R', 'Z'],
      suspect: ['P'],
      problems: [],
      dependsOnEvaluation: false,
    });
  });

  it('counts everything as missing where there is no .env', () => {
    const result = coverEnv({
      next: sources(service('command: $A')),
      current: undefined,
      env: undefined,
      evaluation: 'lazy',
    });
    expect(result).toMatchObject({ missingInTenantEnv: ['A'], newlyNeeded: ['A'], suspect: [] });
  });

  it('asks for what a default refers to only where it is evaluated', () => {
    const next = sources(service('command: "${A:-${B:?b}}$COMPOSE_PROJECT_NAME"'));
    const cover = (evaluation: 'eager' | 'lazy') => coverEnv({ next, current: undefined, env: env('A=1'), evaluation });
    expect(cover('eager')).toMatchObject({ blocking: ['B'], missingInTenantEnv: [] });
    expect(cover('lazy')).toMatchObject({ blocking: [], missingInTenantEnv: [] });
    expect([cover('eager'), cover('lazy')]).toMatchObject([
      { dependsOnEvaluation: true },
      { dependsOnEvaluation: true },
    ]);
  });

  it('does not look at the current files while nothing is missing', () => {
    const read = vi.fn();
    const current = { files: [{ path: 'x', text: ': not $ yaml' }], read } as const;
    const next = sources(service('command: "${A:-1}"'));
    expect(coverEnv({ next, current, env: undefined, evaluation: 'eager' }).problems).toEqual([]);
    expect(read).not.toHaveBeenCalled();
  });

  it('says where an invalid reference stands, and quotes the compose file only', () => {
    const next = sources(service('labels:', '  note: "a ${BAD"', '  ok: $OK'));
    const { problems, missingInTenantEnv } = coverEnv({
      next,
      current: undefined,
      env: undefined,
      evaluation: 'eager',
    });
    expect(problems).toEqual([
      {
        path: 'docker-compose.yml',
        line: 5,
        column: 13,
        message: 'invalid interpolation in "a ${BAD": write $$ for a literal $',
      },
    ]);
    expect(missingInTenantEnv).toEqual(['OK']);
  });

  it.each([
    ['a line that is no pair', 'services:\n  a:\n   image: x\n  bad\n', 'invalid YAML'],
    ['a key twice', 'a: 1\na: 2\n', 'invalid YAML: Map keys must be unique'],
    ['an alias of nothing', 'a: *nowhere\n', 'invalid YAML'],
    ['lists without end', `a: ${'['.repeat(10_000)}`, 'invalid YAML'],
  ])('reports YAML that does not parse: %s', (_title, text, message) => {
    const { problems } = coverEnv({ next: sources(text), current: undefined, env: undefined, evaluation: 'eager' });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ path: 'docker-compose.yml', message: expect.stringContaining(message) });
  });

  it('says nothing of the text of an env_file that compose cannot use', () => {
    const next = sources(service('env_file: a.env'), { 'a.env': 'OK=1\nPASS=${s3cret' });
    const { problems } = coverEnv({ next, current: undefined, env: undefined, evaluation: 'eager' });
    expect(problems).toEqual([{ path: 'a.env', line: 2, message: 'a value holds an invalid variable reference' }]);
  });

  it('blocks on the variable of a secret or config that a service uses, which compose would only miss at up', () => {
    const top =
      'secrets: { s: { environment: S }, unused: { environment: U } }\nconfigs: { c: { environment: "${W:-C}" } }\n';
    const next = sources(`${service('secrets: [s]', 'configs: [{ source: c }]')}${top}`);
    expect(coverEnv({ next, current: undefined, env: env('S=\n'), evaluation: 'eager' })).toMatchObject({
      required: ['C', 'S'],
      blocking: ['C'],
    });
  });

  it('ends include and extends cycles', () => {
    const loop = 'include: [docker-compose.yml, b.yml]\nservices: { a: { extends: { file: b.yml, service: b } } }\n';
    const next = sources(loop, {
      'docker-compose.yml': loop,
      'b.yml':
        'include: [docker-compose.yml]\nservices: { b: { image: $B, extends: { file: docker-compose.yml, service: a } } }\n',
    });
    expect(referencedVariables(next)).toEqual(['B']);
  });

  it('reads the same from a document that the caller has parsed', () => {
    const text = `${service('command: !reset "$GONE"', 'hostname: $H')}---\nx-b: $B\n`;
    const parsed = parseComposeText(text);
    if (!('document' in parsed)) throw new Error(parsed.problem.message);
    const files = [{ path: 'docker-compose.yml', text, document: parsed.document }];
    expect(referencedVariables({ files, read: () => undefined })).toEqual(['B', 'H']);
    expect(referencedVariables(sources(text))).toEqual(['B', 'H']);
    const one = [{ path: 'docker-compose.yml', text: 'a: $A', document: { a: '$A' } }];
    expect(referencedVariables({ files: one, read: () => undefined })).toEqual(['A']);
  });

  it('survives aliases that would unfold without end, and services named like members of an object', () => {
    const bomb = Array.from({ length: 40 }, (_, i) => `x${i + 1}: &x${i + 1} [*x${i}, *x${i}]`).join('\n');
    expect(referencedVariables(sources(`x0: &x0 [$A]\n${bomb}\nx-loop: &l { l: *l }\n`))).toEqual(['A']);
    const odd = sources('services: { constructor: { image: $A }, __proto__: { image: $B, env_file: e.env } }\n', {
      'e.env': 'K=$C',
    });
    expect(referencedVariables(odd)).toEqual(['A', 'B', 'C']);
  });

  it('gives sorted lists without repeats, and everything missing or blocking as required', () => {
    fc.assert(
      fc.property(fc.array(templateText), fc.constantFrom('eager', 'lazy'), (texts, evaluation) => {
        const next = { files: [{ path: 'c.yml', text: '$', document: { x: texts } }], read: () => undefined };
        const result = coverEnv({ next, current: undefined, env: undefined, evaluation });
        const { required, missingInTenantEnv, blocking, newlyNeeded } = result;
        for (const list of [required, missingInTenantEnv, blocking, newlyNeeded]) {
          expect(list).toEqual([...new Set(list)].sort());
        }
        expect(required).toEqual(expect.arrayContaining([...missingInTenantEnv, ...blocking]));
        expect(newlyNeeded).toEqual([...new Set([...missingInTenantEnv, ...blocking])].sort());
      }),
    );
  });
});
