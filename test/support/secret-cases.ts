// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are compose's own references
import { engine } from './engine.js';

/** Words that no one but the tenant may ever see. Values are made of them, so that a part of a value shows, too. */
export const CANARIES = ['kestrelmoat', 'umbrafjord', 'oxbowquill', 'zephyrknoll'] as const;
const [A, B, C, D] = CANARIES;

/** An instance whose own files hold secrets, and what happens to it. */
export interface SecretCase {
  name: string;
  compose: string;
  /** The tenant's own files. */
  tenant: Record<string, string>;
  /** Rendered files besides the compose file, by path in the template's `files/`. All are sensitive. */
  sensitive?: Record<string, string>;
  values?: Record<string, string>;
  /** What becomes of it: a result, or an error's code. It proves that the case is what it is meant to be. */
  expected: string;
}

const IMAGE = '{{values.registry}}/flotilla-test/app:{{imageTag}}';
const web = (more: string) => `services:\n  web:\n    image: "${IMAGE}"\n    stop_grace_period: 1s\n    ${more}\n`;

/** Nothing is wrong with it; its files hold secrets everywhere. */
export const GOOD: SecretCase = {
  name: 'good',
  compose: web('environment: { SECRET: "${SECRET:?}" }\n    volumes: [./secret.conf:/etc/secret.conf:ro]'),
  tenant: {
    '.env': `SECRET=${A}-${B}\nSPOILT=s3cr$${C}\n`,
    'docker-compose.override.yml': `services: { web: { environment: { TOKEN: "${D}" }, labels: { token: "${C}" } } }\n`,
  },
  sensitive: { 'secret.conf.mustache': `key = ${A}${B} # release {{imageTag}}\n` },
  expected: 'converged',
};

/** Compose, the engine or our own readers have something to say about a text that holds a secret. */
export function failingCases(): SecretCase[] {
  const taken = engine().registry.split(':')[1] ?? '';
  return [
    ...refusedByCompose(),
    {
      name: 'no-image',
      compose: 'services: { web: { image: "{{values.registry}}/flotilla-test/${IMG}:{{imageTag}}" } }\n',
      tenant: { '.env': `IMG=${A}\n` },
      expected: 'ImageNotFound',
    },
    {
      name: 'no-registry',
      compose: 'services: { web: { image: "127.0.0.1:9/${IMG}:{{imageTag}}" } }\n',
      tenant: { '.env': `IMG=${A}\n` },
      expected: 'RegistryUnreachable',
    },
    {
      name: 'port-taken',
      compose: web(`container_name: "\${NAME}"\n    ports: ["127.0.0.1:${taken}:80"]`),
      tenant: { '.env': `NAME=${B}\n` },
      expected: 'UpFailed',
    },
    {
      name: 'no-network',
      compose: `${web('networks: [n]')}networks: { n: { external: true, name: "\${NET}" } }\n`,
      tenant: { '.env': `NET=${C}\n` },
      expected: 'UpFailed',
    },
    {
      name: 'no-mount',
      compose: web('volumes: [{ type: bind, source: "/${PLACE}", target: /x, bind: { create_host_path: false } }]'),
      tenant: { '.env': `PLACE=${D}\n` },
      expected: 'UpFailed',
    },
    {
      name: 'no-command',
      compose: web('entrypoint: ["/${SECRET}"]'),
      tenant: { '.env': `SECRET=${A}\n` },
      expected: 'UpFailed',
    },
    {
      name: 'no-user',
      compose: web('user: "${SECRET}"'),
      tenant: { '.env': `SECRET=${B}\n` },
      expected: 'UpFailed',
    },
    {
      name: 'unhealthy',
      compose: web(
        'environment: { SECRET: "${SECRET}" }\n    healthcheck: { test: [CMD-SHELL, "echo $$SECRET; exit 1"], interval: 200ms, retries: 1 }',
      ),
      tenant: { '.env': `SECRET=${A}\n` },
      expected: 'VerifyFailed',
    },
    {
      name: 'crash-loop',
      compose: web(
        'environment: { SECRET: "${SECRET}" }\n    command: [sh, -c, "echo $$SECRET >&2; exit 3"]\n    restart: always',
      ),
      tenant: { '.env': `SECRET=${C}\n` },
      expected: 'VerifyFailed',
    },
    {
      name: 'awaited-job',
      compose: `${web('depends_on: { job: { condition: service_completed_successfully } }')}  job:\n    image: "${IMAGE}"\n    command: [sh, -c, "echo \${SECRET}; exit 4"]\n`,
      tenant: { '.env': `SECRET=${D}\n` },
      expected: 'UpFailed',
    },
  ];
}

function refusedByCompose(): SecretCase[] {
  const plain = (name: string, more: string, env: string, expected = 'EnvInvalid'): SecretCase => ({
    name,
    compose: web(more),
    tenant: { '.env': env },
    expected,
  });
  return [
    plain('bad-port', 'ports: ["${PORT}:80"]', `PORT=${A}\n`),
    plain('bad-key', 'init: true', `OK=1\nBAD!${B}=${A}\n`),
    plain('open-quote', 'init: true', `OK=1\nPASS="${C}\n`),
    plain('no-value', 'init: true', `${D}`),
    plain('bad-boolean', 'privileged: "${FLAG}"', `FLAG=${A}\n`),
    plain('bad-number', 'healthcheck: { test: [CMD, "true"], retries: "${TIMES}" }', `TIMES=${B}\n`),
    plain(
      'bad-duration',
      'stop_signal: SIGTERM\n    healthcheck: { test: [CMD, "true"], interval: "${WAIT}" }',
      `WAIT=${C}\n`,
    ),
    plain('bad-size', 'mem_limit: "${SIZE}"', `SIZE=${D}\n`),
    plain('bad-volume', 'volumes: ["${VOL}:/x"]', `VOL=${A}\n`),
    plain('bad-image', 'restart: "no"\n  other: { image: "${IMG}" }', `IMG=${A}!!${B}\n`),
    plain('needed', 'environment: { X: "${NEEDED:?ask ${SECRET}}" }', `SECRET=${A}\n`, 'waiting'),
    {
      name: 'bad-env-file',
      compose: web('env_file: [secrets.env]'),
      tenant: { 'secrets.env': `OK=1\nBAD KEY ${B}=${C}\n` },
      expected: 'EnvInvalid',
    },
    {
      name: 'bad-override',
      compose: web('init: true'),
      tenant: { 'docker-compose.override.yml': `services: { web: { environment: { X: "${D}\n` },
      expected: 'ComposeInvalid',
    },
    {
      name: 'odd-override',
      compose: web('init: true'),
      tenant: { 'docker-compose.override.yml': `services: { web: { ${B}: ${C}, ports: ["${A}"] } }\n` },
      expected: 'ComposeInvalid',
    },
    {
      name: 'bad-sensitive',
      compose: web('init: true'),
      tenant: {},
      sensitive: { 'secret.yml.mustache': `a: 1\nkey: "${A}\nother: ${B}\n` },
      expected: 'TemplateInvalid',
    },
    {
      name: 'bad-value',
      compose: web('init: true'),
      tenant: {},
      sensitive: { 'secret.yml.mustache': 'a: 1\nkey: {{values.odd}}\n' },
      values: { odd: `"${C}` },
      expected: 'RenderFailed',
    },
  ];
}
