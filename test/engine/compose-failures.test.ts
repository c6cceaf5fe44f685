import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createCompose } from '../../src/agent/compose/compose-cli.js';
import { knownWords } from '../../src/agent/compose/compose-words.js';
import { FlotillaError } from '../../src/errors.js';
import { createComposeProject } from '../support/compose-project.js';
import { appImage, asProject, CALL, dockerHost } from '../support/docker-host.js';
import { docker } from '../support/engine.js';

/** Stands in `.env` files only: no error may show it. */
const CANARY = 's3cretCanary';

const { compose, config } = dockerHost();

interface Case {
  services: string;
  env?: string;
  files?: Record<string, string>;
  /** `$` of the compose text is written `%`. */
  expected: [code: string, message: string];
}

async function failure(
  verb: 'config' | 'pull' | 'up',
  { services, env, files }: Case,
  cli = compose,
): Promise<FlotillaError> {
  const text = services.replaceAll('%', '$').replaceAll('IMAGE', appImage());
  await using tenant = await createComposeProject({
    'docker-compose.yml': text,
    ...(env !== undefined && { '.env': env }),
    ...files,
  });
  const call = { ...CALL, known: knownWords([text, 'docker-compose.yml']) };
  const error = await cli[verb](asProject(tenant), call).then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (env !== undefined) await mendEnv(tenant.directory);
  if (!(error instanceof FlotillaError)) throw error;
  return error;
}

/** So that `compose down` can clean up. */
async function mendEnv(directory: string) {
  await rm(`${directory}/.env`);
  await writeFile(`${directory}/docker-compose.yml`, 'services: {}\n');
}

function expectSafe(error: FlotillaError, [code, message]: Case['expected']) {
  expect([error.code, error.message]).toEqual([code, message.replaceAll('%', '$').replaceAll('IMAGE', appImage())]);
  expect(JSON.stringify([error.message, error.hint, error.cause, error.problems, error.stack])).not.toContain(CANARY);
}

describe('compose refuses files', () => {
  it.each<Case>([
    {
      services: 'services: { web: { image: IMAGE, privileged: "%{B}" } }',
      env: `B=${CANARY}\n`,
      expected: ['EnvInvalid', 'services.web.privileged is not a boolean'],
    },
    {
      services: 'services: { web: { image: IMAGE, healthcheck: { test: [CMD, x], retries: "%{B}" } } }',
      env: `B=${CANARY}\n`,
      expected: ['EnvInvalid', 'services.web.healthcheck.retries is not a number'],
    },
    {
      services: 'services: { web: { image: IMAGE, healthcheck: { test: [CMD, x], interval: "%{B}" } } }',
      env: `B=${CANARY}\n`,
      expected: ['EnvInvalid', 'services.web.healthcheck.interval is not a duration'],
    },
    {
      services: 'services: { web: { image: IMAGE, mem_limit: "%{B}" } }',
      env: `B=${CANARY}\n`,
      expected: ['EnvInvalid', 'services.web.mem_limit is not a size in bytes'],
    },
    {
      services: 'services: { web: { image: IMAGE, ports: ["%{PORT}:80"] } }',
      env: `PORT=${CANARY}\n`,
      expected: ['EnvInvalid', 'a service has an entry under ports that is not a port'],
    },
    {
      services: 'services: { web: { image: IMAGE, volumes: ["%{V}:/data"] } }',
      env: 'V=\n',
      expected: ['EnvInvalid', 'a service has an entry under volumes with an empty or unknown part'],
    },
    {
      services: 'services: { web: { image: IMAGE, extra_hosts: ["%{V}"] } }',
      env: `V=${CANARY}\n`,
      expected: ['EnvInvalid', 'services.web.extra_hosts has a wrong value'],
    },
    {
      services: 'services: { web: { image: IMAGE, networks: ["%{V}"] } }',
      env: `V=${CANARY}\n`,
      expected: ['EnvInvalid', 'service web uses …, which is not defined in the compose file'],
    },
    {
      services: 'services: { web: { image: IMAGE, volumes: ["cache:/x"] } }',
      expected: ['ComposeInvalid', 'service web uses cache, which is not defined in the compose file'],
    },
    {
      services: 'services: { web: { image: IMAGE, depends_on: [db] } }',
      expected: ['ComposeInvalid', 'service web depends on db, which is not defined or whose profile is not active'],
    },
    {
      services: 'services: { web: { image: IMAGE, depends_on: [db] }, db: { image: IMAGE, depends_on: [web] } }',
      expected: ['ComposeInvalid', 'services of the compose file depend on each other in a circle'],
    },
    {
      services: 'services: { web: { image: IMAGE, imagge: x } }',
      expected: ['ComposeInvalid', 'docker-compose.yml: services.web holds the unknown key imagge'],
    },
    {
      services: 'services: { web: { environment: { A: b } } }',
      expected: ['ComposeInvalid', 'service web has neither image nor build'],
    },
    {
      services: 'services:\n  web:\n    image: IMAGE\n   command: [x\n',
      expected: ['ComposeInvalid', 'the compose file is not valid YAML: line 1: did not find expected key'],
    },
    {
      services: 'services: { web: { image: IMAGE, environment: { A: "%{A.B}" } } }',
      expected: ['ComposeInvalid', 'services.web.environment.A: compose cannot read what follows a $'],
    },
    {
      services: 'services: { web: { image: IMAGE, environment: { A: "%{NEEDED:?%{HINT}}" } } }',
      env: `HINT=${CANARY}\n`,
      expected: ['EnvMissing', 'the compose file requires the variable NEEDED, which has no value'],
    },
    {
      services: 'services: { web: { image: IMAGE } }',
      env: `A=1\nBAD!KEY=${CANARY}\n`,
      expected: ['EnvInvalid', 'line 2 of .env has a name with a character that is not allowed'],
    },
    {
      services: 'services: { web: { image: IMAGE } }',
      env: `A="${CANARY}\n`,
      expected: ['EnvInvalid', '.env has a quote that is never closed (compose gave up at line 2)'],
    },
    {
      services: 'services: { web: { image: IMAGE } }',
      env: `=${CANARY}\n`,
      expected: ['EnvInvalid', '.env has a line without a name, without a value, or with a NUL byte'],
    },
    {
      services: 'services: { web: { image: IMAGE, env_file: [app.env] } }',
      files: { 'app.env': `BAD KEY ${CANARY}=1\n` },
      expected: ['EnvInvalid', 'line 1 of an env_file cannot be read'],
    },
    {
      services: 'services: { web: { image: IMAGE, env_file: [app.env] } }',
      expected: ['EnvInvalid', 'the env_file app.env is not there'],
    },
    {
      services: 'include: [more.yml]\nservices: { web: { image: IMAGE } }',
      expected: ['ComposeInvalid', 'the file more.yml, which the compose file names, is not there'],
    },
  ])('$services with $env', async (each) => {
    expectSafe(await failure('config', each), each.expected);
  });
});

describe('a pull fails', () => {
  it.each<Case>([
    {
      services: 'services: { web: { image: "IMAGE-nope" } }',
      expected: ['ImageNotFound', 'the registry does not have the image IMAGE-nope'],
    },
    {
      services: 'services: { web: { image: "IMAGE-%{TAG}" } }',
      env: `TAG=${CANARY}\n`,
      expected: ['ImageNotFound', 'the registry does not have the image …'],
    },
    {
      services: 'services: { web: { image: "127.0.0.1:9/app:v1" } }',
      expected: ['RegistryUnreachable', 'the registry 127.0.0.1:9 does not answer'],
    },
    {
      services: 'services: { web: { image: "IMAGE-%{TAG}" } }',
      env: `TAG=${CANARY} two\n`,
      expected: ['EnvInvalid', 'the image … is not a valid reference'],
    },
  ])('$services', async (each) => {
    expectSafe(await failure('pull', each), each.expected);
  });

  it('because the registry wants a login', async () => {
    const server = createServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': `Basic realm="${CANARY}"` }).end();
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      const error = await failure('pull', {
        services: `services: { web: { image: "127.0.0.1:${port}/app:v1" } }`,
        expected: ['', ''],
      });
      expectSafe(error, ['RegistryDenied', 'the registry denies access']);
    } finally {
      server.close();
    }
  });

  it('because no engine answers, which reading the files does not need', async () => {
    const down = createCompose({ ...config, dockerHost: 'unix:///nonexistent/docker.sock' });
    const each: Case = {
      services: 'services: { web: { image: IMAGE } }',
      expected: ['EngineUnreachable', 'the Docker Engine does not answer'],
    };
    expectSafe(await failure('pull', each, down), each.expected);
    expectSafe(await failure('up', each, down), each.expected);
  });

  it('because there is no docker on the host, or one without compose', async () => {
    const none = createCompose({ ...config, docker: '/nonexistent/docker' });
    await expect(none.version(CALL)).rejects.toMatchObject({ code: 'ComposeMissing' });
    const bare = createCompose({ ...config, docker: 'false' });
    await expect(bare.version(CALL)).rejects.toMatchObject({ code: 'ComposeMissing' });
  });
});

describe('an up fails', () => {
  it.each<Case>([
    {
      services: 'services: { web: { image: IMAGE, entrypoint: ["%{E}"] }, db: { image: IMAGE, depends_on: [] } }',
      env: `E=/bin/${CANARY}\n`,
      expected: ['UpFailed', 'the command of web cannot be run in its image'],
    },
    {
      services: 'services: { web: { image: IMAGE, volumes: ["%{V}:/bin"] } }',
      env: 'V=/etc/passwd\n',
      expected: ['UpFailed', 'a mount of web is not possible'],
    },
    {
      services: 'services: { web: { image: IMAGE, networks: [n] } }\nnetworks: { n: { external: true, name: "%{N}" } }',
      env: `N=${CANARY}\n`,
      expected: ['UpFailed', 'the external network … does not exist on the host'],
    },
    {
      services: 'services: { web: { image: IMAGE, secrets: [s] } }\nsecrets: { s: { environment: NEEDED } }',
      expected: ['EnvMissing', 'a secret or config takes the variable NEEDED, which is not set'],
    },
    {
      services: `services:
  job: { image: IMAGE, command: [once, "3"] }
  web: { image: IMAGE, depends_on: { job: { condition: service_completed_successfully } } }`,
      expected: ['UpFailed', 'job ended with exit code 3, and others wait for it to succeed'],
    },
  ])('$services', async (each) => {
    expectSafe(await failure('up', each), each.expected);
  });

  it('because a port is taken, which only the .env names', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const error = await failure('up', {
        services: 'services: { web: { image: IMAGE, ports: ["127.0.0.1:%{PORT}:80"] } }',
        env: `PORT=${port}\n`,
        expected: ['UpFailed', 'a port that web publishes is taken on this host'],
      });
      expectSafe(error, ['UpFailed', 'a port that web publishes is taken on this host']);
    } finally {
      server.close();
    }
  });

  it('because another container has the name', async () => {
    const name = `nm-${Date.now().toString(36)}`;
    const id = await docker(['create', '--name', name, appImage()]);
    try {
      const each: Case = {
        services: `services: { web: { image: IMAGE, container_name: ${name} } }`,
        expected: ['UpFailed', `another container already has the name ${name}`],
      };
      expectSafe(await failure('up', each), each.expected);
    } finally {
      await docker(['rm', '-f', id]);
    }
  });
});
