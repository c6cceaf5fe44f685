import { describe, expect, it } from 'vitest';
import {
  type ComposeVerb,
  classifyComposeFailure,
  nameHolderOf,
  type ServiceImage,
} from '../../src/agent/compose/compose-error.js';
import { knownWords, showSentence } from '../../src/agent/compose/compose-words.js';

const COMPOSE_TEXT = `
services:
  api:
    image: 127.0.0.1:5000/acme/api:\${TAG}
    ports: ["\${PORT}:80"]
    privileged: true
    healthcheck: { retries: 3, interval: 5s }
    volumes: ["\${VOLUME}:/data", "cache:/cache"]
    imagge: typo
  db: { image: "127.0.0.1:5000/acme/db:v1" }
`;

const CANARY = 's3cret-canary';

function classify(stderr: string, { verb = 'config', exitCode = 15, images = [] }: Partial<Options> = {}) {
  const known = knownWords([COMPOSE_TEXT, 'docker-compose.yml', 'app.env']);
  return classifyComposeFailure({ verb, exitCode, stderr, known, project: 'acme', images });
}

interface Options {
  verb: ComposeVerb;
  exitCode: number;
  images: readonly ServiceImage[];
}

describe('what compose says about files', () => {
  it.each([
    [
      'failed to read /srv/t/acme/.env: line 1: unexpected character "!" in variable name "BAD!KEY=s3cret-canary"',
      'EnvInvalid',
      'line 1 of .env has a name with a character that is not allowed',
    ],
    [
      'failed to read /srv/t/acme/.env: line 4: unterminated quoted value "s3cret-canary',
      'EnvInvalid',
      '.env has a quote that is never closed (compose gave up at line 4)',
    ],
    ['setenv: invalid argument', 'EnvInvalid', '.env has a line without a name, without a value, or with a NUL byte'],
    ['line 2: key cannot contain a space', 'EnvInvalid', 'line 2 of an env_file cannot be read'],
    [
      'env file /srv/t/acme/app.env not found: stat /srv/t/acme/app.env: no such file or directory',
      'EnvInvalid',
      'the env_file app.env is not there',
    ],
    [
      'error while interpolating services.api.environment.A: required variable DB_PASSWORD is missing a value: set s3cret-canary',
      'EnvMissing',
      'the compose file requires the variable DB_PASSWORD, which has no value',
    ],
    [
      'error while interpolating services.api.privileged: failed to cast to expected type: invalid boolean: s3cret-canary',
      'EnvInvalid',
      'services.api.privileged is not a boolean',
    ],
    [
      'error while interpolating services.api.privileged: failed to cast to expected type: invalid boolean: typo',
      'ComposeInvalid',
      'services.api.privileged is not a boolean',
    ],
    [
      'error while interpolating services.api.healthcheck.retries: failed to cast to expected type: strconv.Atoi: parsing "s3cret-canary": invalid syntax',
      'EnvInvalid',
      'services.api.healthcheck.retries is not a number',
    ],
    [
      `decoding failed due to the following error(s):\n\nerror decoding 'services[api].healthcheck.interval': time: invalid duration "s3cret-canary"`,
      'EnvInvalid',
      'services.api.healthcheck.interval is not a duration',
    ],
    ['Invalid hostPort: s3cret-canary', 'EnvInvalid', 'a service has an entry under ports that is not a port'],
    [
      'invalid spec: :/data: empty section between colons',
      'EnvInvalid',
      'a service has an entry under volumes with an empty or unknown part',
    ],
    [
      'service "api" refers to undefined volume s3cret-canary: invalid compose project',
      'EnvInvalid',
      'service api uses …, which is not defined in the compose file',
    ],
    [
      'service "api" refers to undefined volume cache: invalid compose project',
      'ComposeInvalid',
      'service api uses cache, which is not defined in the compose file',
    ],
    [
      'service "db" depends on undefined service "api": invalid compose project',
      'ComposeInvalid',
      'service db depends on api, which is not defined or whose profile is not active',
    ],
    [
      'dependency cycle detected: api -> db -> api',
      'ComposeInvalid',
      'services of the compose file depend on each other in a circle',
    ],
    [
      'validating /srv/t/acme/docker-compose.yml: services.api Additional property imagge is not allowed',
      'ComposeInvalid',
      'docker-compose.yml: services.api holds the unknown key imagge',
    ],
    [
      "validating /srv/t/acme/docker-compose.yml: services.api additional properties 'imagge' not allowed",
      'ComposeInvalid',
      'docker-compose.yml: services.api holds the unknown key imagge',
    ],
    [
      'validating /srv/t/acme/docker-compose.yml: services.api.image must be a string',
      'ComposeInvalid',
      'docker-compose.yml: services.api.image must be a string',
    ],
    [
      'yaml: line 7: did not find expected key',
      'ComposeInvalid',
      'the compose file is not valid YAML: line 7: did not find expected key',
    ],
    [
      'yaml: unmarshal errors:\n  line 3: mapping key "api" already defined at line 2',
      'ComposeInvalid',
      'the compose file is not valid YAML: line 3: mapping key api already defined at line 2',
    ],
    [
      'invalid interpolation format for services.api.image.\nYou may need to escape any $ with another $.\n${A.s3cret-canary}',
      'ComposeInvalid',
      'services.api.image: compose cannot read what follows a $',
    ],
    ['empty compose file', 'ComposeInvalid', 'the compose file holds no services'],
    [
      'something of s3cret-canary that nobody has seen "s3cret-canary x" before',
      'ComposeFailed',
      'docker compose config failed: exit code 15',
    ],
  ])('%s', (stderr, code, message) => {
    const error = classify(stderr);
    expect([error.code, error.message]).toEqual([code, message]);
    expect(error.hint ?? '').not.toContain(CANARY);
    expect(String((error.cause as object | undefined) ?? '') + JSON.stringify(error)).not.toContain(CANARY);
  });
});

describe('what compose says about images, registries and the engine', () => {
  it.each([
    [
      ' api Error manifest for x\nError response from daemon: manifest for 127.0.0.1:5000/acme/db:v1 not found: manifest unknown: manifest unknown',
      'ImageNotFound',
      'the registry does not have the image 127.0.0.1:5000/acme/db:v1',
    ],
    [
      'Error response from daemon: manifest for 127.0.0.1:5000/acme/api:s3cret-canary not found: manifest unknown: manifest unknown',
      'ImageNotFound',
      'the registry does not have the image 127.0.0.1:5000/acme/api:${TAG} (api)',
    ],
    [
      'Error response from daemon: Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
      'RegistryUnreachable',
      'the registry 127.0.0.1:5000 does not answer',
    ],
    [
      'Error response from daemon: Get "https://s3cret-canary.example/v2/": dial tcp: lookup s3cret-canary.example on 10.0.0.1:53: no such host',
      'RegistryUnreachable',
      'the registry … does not answer',
    ],
    [
      'Error response from daemon: Get "http://127.0.0.1:5000/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
      'RegistryUnreachable',
      'the registry 127.0.0.1:5000 does not answer',
    ],
    [
      'Error response from daemon: received unexpected HTTP status: 500 s3cret-canary',
      'RegistryUnreachable',
      'the registry answers with a server error',
    ],
    [
      'Error response from daemon: Head "http://127.0.0.1:5000/v2/acme/db/manifests/v1": no basic auth credentials',
      'RegistryDenied',
      'the registry denies access',
    ],
    [
      "Error response from daemon: pull access denied for 127.0.0.1:5000/acme/db, repository does not exist or may require 'docker login': denied: s3cret-canary",
      'RegistryDenied',
      'the registry denies access to 127.0.0.1:5000/acme/db, or it has no such repository',
    ],
    [
      'Error response from daemon: toomanyrequests: You have reached your pull rate limit',
      'PullFailed',
      'the registry refuses more pulls for now',
    ],
    [
      "unable to get image '127.0.0.1:5000/acme/api:s3cret-canary': Cannot connect to the Docker daemon at unix:///dead.sock. Is the docker daemon running?",
      'EngineUnreachable',
      'the Docker Engine does not answer',
    ],
    [
      'write /var/lib/docker/tmp/GetImageBlob1: no space left on device',
      'DiskFull',
      'the disk of the host is full (docker compose pull)',
    ],
  ])('pull: %s', (stderr, code, message) => {
    const images = [
      { service: 'api', resolved: `127.0.0.1:5000/acme/api:${CANARY}`, raw: '127.0.0.1:5000/acme/api:${TAG}' },
    ];
    const error = classify(stderr, { verb: 'pull', exitCode: 18, images });
    expect([error.code, error.message]).toEqual([code, message]);
    expect(error.hint ?? '').not.toContain(CANARY);
  });

  it('does not take the error that one image gives for that of another, which progress repeats', () => {
    const stderr = ` api Error Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?
 db Error manifest unknown
Error response from daemon: manifest for 127.0.0.1:5000/acme/db:v1 not found: manifest unknown: manifest unknown`;
    expect(classify(stderr, { verb: 'pull', exitCode: 18 }).code).toBe('ImageNotFound');
  });
});

describe('what compose says about containers', () => {
  it.each([
    [
      'Error response from daemon: driver failed programming external connectivity on endpoint acme-api-1 (b41d): Bind for 0.0.0.0:8080 failed: port is already allocated',
      'a port that api publishes is taken on this host',
    ],
    [
      ' Container acme-api-1  Starting\n Container acme-db-1  Started\nError response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/s3cret-canary": stat /bin/s3cret-canary: no such file or directory: unknown',
      'the command of api cannot be run in its image',
    ],
    [
      'Error response from daemon: unable to find user s3cret-canary: no matching entries in passwd file',
      'the user that a service runs as does not exist in its image',
    ],
    [
      'service "api" didn\'t complete successfully: exit 3',
      'api ended with exit code 3, and others wait for it to succeed',
    ],
    [
      'dependency failed to start: container acme-db-1 is unhealthy',
      'db is unhealthy, and others wait for it to be healthy',
    ],
    [
      'Error response from daemon: network acme_default is ambiguous (2 matches found on name)',
      'the host has several networks of the name acme_default',
    ],
    [
      'Error response from daemon: network s3cret-canary not found',
      'the external network … does not exist on the host',
    ],
    [
      'Error response from daemon: invalid mount config for type "bind": bind source path does not exist: /srv/s3cret-canary',
      'a file or directory that a service mounts is not there',
    ],
    [
      "can't set healthcheck.interval as feature require Docker Engine v25 or later",
      'healthcheck.interval needs Docker Engine v25 or later',
    ],
    [
      'Error response from daemon: Minimum memory limit allowed is 6MB',
      'docker compose up failed: Error response from daemon: Minimum memory limit allowed is …',
    ],
  ])('%s', (stderr, message) => {
    const error = classify(stderr, { verb: 'up', exitCode: 1 });
    expect([error.code, error.message]).toEqual(['UpFailed', message]);
    expect(error.hint ?? '').not.toContain(CANARY);
  });

  it('tells a name conflict, which a second up may mend, from the rest, and who has the name', () => {
    const conflict = classify(
      'Error response from daemon: Conflict. The container name "/acme-api-1" is already in use by container "6154". You have to remove it.',
      { verb: 'up', exitCode: 1 },
    );
    expect(conflict.message).toBe('another container already has the name acme-api-1');
    expect(nameHolderOf(conflict)).toBe('6154');
    expect(nameHolderOf(classify('no such service: api', { verb: 'up', exitCode: 1 }))).toBeUndefined();
  });

  it('says that compose itself is missing when the docker client does not know it', () => {
    expect(classify("unknown shorthand flag: 'p' in -p", { verb: 'version', exitCode: 125 }).code).toBe(
      'ComposeMissing',
    );
  });
});

describe('showSentence', () => {
  const words = { known: new Set(['api']), project: 'acme' };

  it.each([
    [
      'the whole of a quotation that is not from the compose file',
      'invalid value "not a key" for api',
      'invalid value … for api',
    ],
    ['a quotation that is never closed', 'invalid value "not a key', 'invalid value …'],
    ['numbers, unless they count lines', 'line 12: invalid pin 4711', 'line 12: invalid …'],
    ['punctuation inside a secret', 'invalid a$%b!c, api', 'invalid …, api'],
    ['several words in a row as one', 'invalid hunter2 correcthorse battery', 'invalid …'],
  ])('masks %s', (_, text, shown) => {
    expect(showSentence(text, words)).toBe(shown);
  });
});
