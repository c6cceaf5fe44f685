// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are compose's own references
import { describe, expect, it } from 'vitest';
import { parseDotenv } from '../../src/compose/dotenv.js';
import { coverEnv, referencedVariables } from '../../src/compose/env-coverage.js';
import { composeConfig } from '../support/compose-config.js';

const A = 'services:\n  a:\n    image: x\n';

/** Projects whose variables sit in corners; compose is the judge of what they need. */
const PROJECTS: Record<string, Record<string, string>> = {
  'an include with a project directory, and the env file there': {
    'docker-compose.yml': `include:\n  - path: parts/inc.yml\n    project_directory: other\n${A}`,
    'parts/inc.yml': 'services:\n  i:\n    image: x:${THERE}-${HERE}-${GONE}\n    env_file: i.env\n',
    'parts/.env': 'HERE=1\n',
    'other/.env': 'THERE=1\n',
    'other/i.env': 'K=${FROM_OTHER}\nL=$THERE\n',
    'parts/i.env': 'K=${FROM_PARTS}\n',
  },
  'an include of several files, with several env files': {
    'docker-compose.yml': `include:\n  - path: [p/one.yml, p/two.yml]\n    env_file: [a.env, b.env]\n${A}`,
    'p/one.yml': 'services:\n  i:\n    image: x:${ONE}${TWO}${P}\n',
    'p/two.yml': 'services:\n  i:\n    hostname: ${THREE}${OVERRIDE_ONLY}\n',
    'p/.env': 'P=1\n',
    'a.env': 'ONE=1\nX=$EARLY\n',
    'b.env': 'TWO=${ONE}\nTHREE=${LATE:-3}${NOWHERE}\n',
  },
  'an include in an include, relative to its own directory': {
    'docker-compose.yml': `include: [p/one.yml]\n${A}`,
    'p/one.yml': 'include: ["${SUB:-q}/two.yml"]\nservices:\n  i:\n    image: x:${ONE}\n',
    'p/q/two.yml': 'services:\n  j:\n    image: x:${TWO}${P}${Q}\n',
    'p/.env': 'P=1\n',
    'p/q/.env': 'Q=1\n',
  },
  'an include beside the project file, with the .env of the project': {
    'docker-compose.yml': `include: [more.yml]\n${A}`,
    'more.yml': 'services:\n  i:\n    image: x:${SET}${UNSET}\n',
    '.env': 'SET=1\nREF=$UNSET\n',
  },
  'extends through two directories, with env files': {
    'docker-compose.yml': 'services:\n  a:\n    extends: { file: p/one.yml, service: one }\n',
    'p/one.yml':
      'services:\n  one:\n    extends: { file: q/two.yml, service: two }\n    env_file: one.env\n    image: x:${ONE}\n' +
      '  unused:\n    image: x:${UNUSED}\n    extends: { file: never.yml, service: n }\n',
    'p/one.env': 'K=$IN_ONE\n',
    'one.env': 'K=$IN_ROOT\n',
    'p/q/two.yml':
      'services:\n  two:\n    command: "${TWO}"\n    env_file: [two.env]\n  unused2:\n    env_file: nope.env\n',
    'p/q/two.env': 'L=$IN_TWO\n',
  },
  'extends within one file, of a service behind a profile': {
    'docker-compose.yml':
      'services:\n  a:\n    extends: b\n  b:\n    image: x:${B}\n    env_file: b.env\n  c:\n    image: x\n' +
      '    profiles: [off]\n    env_file: c.env\n',
    'b.env': 'K=$IN_B\n',
    'c.env': 'K=$IN_C\n',
  },
  'extends of a file that is in the project by itself': {
    'docker-compose.yml': 'services:\n  a:\n    extends: { file: docker-compose.override.yml, service: b }\n',
    'docker-compose.override.yml':
      'include: [p/one.yml]\nservices:\n  b:\n    image: x:${B}\n    env_file: b.env\n    profiles: [off]\n  c:\n    image: x\n    env_file: c.env\n',
    'p/one.yml': 'services:\n  i:\n    image: x:${I}\n',
    'b.env': 'K=$IN_B\n',
    'c.env': 'K=$IN_C\n',
  },
  'extends in an included file': {
    'docker-compose.yml': `include: [p/one.yml]\n${A}`,
    'p/one.yml': 'services:\n  i:\n    extends: { file: base.yml, service: s }\n',
    'p/base.yml': 'services:\n  s:\n    image: x:${P}${BASE}\n',
    'p/.env': 'P=1\n',
  },
  'profiles that the .env turns on': {
    'docker-compose.yml':
      'services:\n  a:\n    image: x\n    profiles: ["${WHICH:-on}"]\n    env_file: a.env\n  b:\n    image: x\n' +
      '    profiles: [off]\n    env_file: b.env\n',
    '.env': 'COMPOSE_PROFILES=else,on\n',
    'a.env': 'K=$IN_A\n',
    'b.env': 'K=$IN_B\n',
  },
  'all profiles turned on': {
    'docker-compose.yml': 'services:\n  a:\n    image: x\n    profiles: [some]\n    env_file: a.env\n',
    '.env': 'COMPOSE_PROFILES=*\n',
    'a.env': 'K=$IN_A\n',
  },
  'values tagged !reset and !override': {
    'docker-compose.yml': `${A}    command: ["\${OLD}"]\n    environment: { K: "\${KEPT}" }\n`,
    'docker-compose.override.yml':
      'services:\n  a:\n    command: !override ["${NEW}"]\n    environment: !reset { K: "${DROPPED}" }\n    hostname: !reset ${ALSO}\n',
  },
  'an alias of a value that is reset': {
    'docker-compose.yml':
      'x-a: !reset &a\n  K: ${DROPPED}\nx-b: &b\n  L: ${KEPT}\nservices:\n  a:\n    image: x\n    labels: *b\n',
  },
  'merges that replace what they merge': {
    'docker-compose.yml':
      'x-e: &e { K: "${FIRST}" }\nservices:\n  a:\n    image: x\n    environment:\n      <<: [*e, { L: "${SECOND}", M: "${HIDDEN}" }]\n      M: "${THIRD}"\n',
  },
  'documents in one file': {
    'docker-compose.yml': `${A}    command: "\${ONE}"\n---\nservices:\n  a:\n    hostname: \${TWO}\n`,
  },
  'a dollar written as an escape of YAML': {
    'docker-compose.yml': `${A}    command: "\\x24{HEX} \\u0024UNI"\n`,
  },
  'an alias of a mapping key': {
    'docker-compose.yml': `${A}    labels:\n      &k "\${KEY}": v\n    hostname: *k\n`,
  },
  'a value that is a number, then a string': {
    'docker-compose.yml': `${A}    environment: { A: 1, B: "1\${B}", C: !!str "\${C}", D: !mine "\${D}" }\n`,
  },
  'required variables one behind the other': {
    'docker-compose.yml': `${A}    command: ["\${A:?first \${B}}", "\${C:-\${D:?second}}", "\${E?\${F?inner}}", "$A"]\n`,
    '.env': 'C=1\n',
  },
  'a label_file, which sees no variables at all': {
    'docker-compose.yml': `${A}    label_file: [one.labels, two.labels]\n`,
    'one.labels': 'L=${SET}${UNSET}\n',
    'two.labels': 'M=$L\n',
    '.env': 'SET=1\n',
  },
  'an env_file that others come before': {
    'docker-compose.yml': `${A}    env_file: [a.env, { path: b.env, required: false }, { path: nope.env, required: false }]\n`,
    'a.env': 'ONE=1\nSET=mine\n',
    'b.env': 'K=${ONE}${TWO}${SET:?}\nINHERITED\n',
    '.env': 'SET=\n',
  },
};

describe('env coverage of whole projects is what compose says of them', () => {
  it.concurrent.each(Object.keys(PROJECTS))('%s', async (title) => {
    const files = PROJECTS[title] as Record<string, string>;
    const { required, warned } = await closure(files);
    const env = parseDotenv(files['.env'] ?? '');
    if ('error' in env) throw new Error(env.error.reason);
    const paths = ['docker-compose.yml', 'docker-compose.override.yml'].filter((path) => path in files);
    const next = {
      files: paths.map((path) => ({ path, text: files[path] ?? '' })),
      read: (path: string) => files[path],
    };
    const cover = (environment: Record<string, string>) =>
      coverEnv({
        next,
        current: undefined,
        env,
        evaluation: 'eager',
        environment: new Map(Object.entries(environment)),
      });

    expect(cover({}).problems).toEqual([]);
    expect(cover({}).blocking).toEqual(Object.keys(required).sort());
    // Compose also warns about what the .env itself refers to: no matter of the compose files.
    const referenced = referencedVariables(next);
    expect(cover(required).missingInTenantEnv).toEqual(warned.filter((name) => referenced.includes(name)));
    expect(warned.filter((name) => !referenced.includes(name) && !env.warned.includes(name))).toEqual([]);
  });
});

/** Runs compose again and again, each time with the variable set that it required. */
async function closure(files: Record<string, string>): Promise<{ required: Record<string, string>; warned: string[] }> {
  const required: Record<string, string> = {};
  for (;;) {
    const run = await composeConfig(files, required);
    const name = /required variable (\S+) is missing a value/.exec(run.stderr)?.[1];
    if (run.exitCode === 0) return { required, warned: run.warned };
    if (name === undefined || name in required) throw new Error(run.stderr);
    required[name] = 'zz9';
  }
}
