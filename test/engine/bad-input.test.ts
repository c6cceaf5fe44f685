import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, engine } from '../support/engine.js';
import { blockOf, createOperatorFleet, IMAGE, type OperatorFleet, type Seen } from '../support/operator.js';

/**
 * Upgrades that cannot work, each of a tenant that runs: what the operator is told, what became of the tenant, and that
 * mending the cause and reconciling again is all there is to do. All tenants go through it together, in three runs.
 */
interface Case {
  item: string;
  /** The compose file of the upgrade. */
  compose: string;
  tag?: string;
  env?: string;
  spec?: Record<string, unknown>;
  /** What the report says below the instance's first line. `SLUG` stands for the instance. */
  told: string;
  /** STATUS of `flotilla get`. */
  status: string;
}

const HEALTH = '    healthcheck: { test: [CMD, /bin/healthy], interval: 200ms, retries: 2 }\n';
const JOB = `  job: { image: "${IMAGE}", command: [once, "3"], restart: "no" }\n`;

function web(more = '', command = '[serve]'): string {
  return `services:\n  web:\n    image: "${IMAGE}"\n    command: ${command}\n    stop_grace_period: 1s\n${more}`;
}

const GOOD = web(HEALTH);
const WAY_BACK = 'To go back to v1.0.0: flotilla rollback SLUG';
const UNTOUCHED = '    nothing was changed: the tenant is as it was\n';

/** They fail while the new files are only staged. */
const BEFORE_COMMIT: Record<string, Case> = {
  key: {
    item: 'a compose file that compose refuses',
    compose: web('    imagee: x\n'),
    told: `  ComposeInvalid during validate: docker-compose.yml: services.web holds the unknown key imagee\n    Look for a spelling mistake, or for a key that this version of compose does not know.\n${UNTOUCHED}`,
    status: 'ComposeInvalid',
  },
  undefined: {
    item: 'a compose file that names what it does not define',
    compose: web('    networks: [backend]\n'),
    told: `  ComposeInvalid during validate: service web uses backend, which is not defined in the compose file\n    Define it at the top level: volumes, networks, configs or secrets.\n${UNTOUCHED}`,
    status: 'ComposeInvalid',
  },
  required: {
    item: 'a :? variable that is missing',
    compose: web(`${HEALTH}    environment: { SMTP: "\${SMTP_HOST:?set it}" }\n`),
    told: '  refused: compose would refuse to start: SMTP_HOST must have a value\n    set it in hosts/one/SLUG/.env\n',
    status: 'EnvCoverageBlocked',
  },
  dotenv: {
    item: 'a .env that compose cannot parse',
    compose: GOOD,
    env: 'A=1\nPASSWORD="s3cret\n',
    told: `  EnvInvalid during validate: .env has a quote that is never closed (compose gave up at line 3)\n    Close the quote, or put the value in single quotes.\n${UNTOUCHED}  warning: .env:2: a quoted value is not closed\n`,
    status: 'EnvInvalid',
  },
  tag: {
    item: 'a tag that the registry does not have',
    compose: GOOD,
    tag: 'v9.9.9',
    told: `  ImageNotFound during pull: the registry does not have the image REGISTRY/flotilla-test/app:v9.9.9 (web)\n    Check the imageTag, and that the image was pushed.\n${UNTOUCHED}`,
    status: 'ImageNotFound',
  },
  variable: {
    item: 'a tag that the registry does not have, from a variable',
    compose: web().replace(':{{imageTag}}', ':${WEB_TAG}'),
    env: 'WEB_TAG=v9-s3cret\n',
    told: `  ImageNotFound during pull: the registry does not have the image REGISTRY/flotilla-test/app:\${WEB_TAG} (web)\n    Check the imageTag, and that the image was pushed.\n${UNTOUCHED}`,
    status: 'ImageNotFound',
  },
  registry: {
    item: 'a registry that is down',
    compose: web().replace(IMAGE, '127.0.0.1:9/app:{{imageTag}}'),
    told: `  RegistryUnreachable during pull: the registry 127.0.0.1:9 does not answer\n    Check the name of the registry, and the network and DNS of the host.\n${UNTOUCHED}`,
    status: 'RegistryUnreachable',
  },
  reference: {
    item: 'an image name that is none',
    compose: web().replace(IMAGE, 'example.org/App::{{imageTag}}'),
    told: `  ComposeInvalid during pull: the image example.org/App::v1.1.0 (web) is not a valid reference\n    Look at image in the compose file, at the imageTag, and at the variables that the image names.\n${UNTOUCHED}`,
    status: 'ComposeInvalid',
  },
};

/** They fail once the new files are in place. */
const AFTER_COMMIT: Record<string, Case> = {
  unhealthy: {
    item: 'a service that never gets healthy',
    compose: web(HEALTH, '[never-healthy]'),
    told: `  VerifyFailed during verify: web: unhealthy, its health command ends with 1\n    Look at docker compose -p SLUG logs web on the host. ${WAY_BACK}\n`,
    status: 'VerifyFailed',
  },
  crash: {
    item: 'a service that crashes over and over, without a healthcheck',
    compose: web('    restart: always\n', '[crash]'),
    // Long enough for a busy engine: a crash is only one once the process has come to it.
    spec: { timeouts: { settle: '3s' } },
    told: `  VerifyFailed during verify: web: restarted N times in N s, exit code 1\n    Look at docker compose -p SLUG logs web on the host. ${WAY_BACK}\n`,
    status: 'VerifyFailed',
  },
  oneshot: {
    item: 'a one-shot that fails',
    compose: web(HEALTH) + JOB,
    told: `  VerifyFailed during verify: job: exited with code 3\n    Look at docker compose -p SLUG logs job on the host. ${WAY_BACK}\n`,
    status: 'VerifyFailed',
  },
  migration: {
    item: 'a one-shot that fails, for which others wait',
    compose: web(`${HEALTH}    depends_on: { job: { condition: service_completed_successfully } }\n`) + JOB,
    told: `  UpFailed during up: job ended with exit code 3, and others wait for it to succeed\n    Look at docker compose -p SLUG logs job on the host. ${WAY_BACK}\n`,
    status: 'UpFailed',
  },
  command: {
    item: 'a service with a wrong command',
    compose: web('    entrypoint: [/bin/not-there]\n'),
    told: `  UpFailed during up: the command of web cannot be run in its image (/bin/not-there)\n    Look at entrypoint and command in the compose file, and at what the image holds. ${WAY_BACK}\n`,
    status: 'UpFailed',
  },
  port: {
    item: 'a port that is taken',
    compose: web('    ports: ["REGISTRY_ADDRESS:80"]\n'),
    told: `  UpFailed during up: a port that web publishes is taken on this host (REGISTRY)\n    Find who has it with docker ps or ss -ltnp, and free it or publish another port. ${WAY_BACK}\n`,
    status: 'UpFailed',
  },
  source: {
    item: 'a bind source that is missing',
    compose: web('    volumes: [{ type: bind, source: ./missing.conf, target: /etc/web.conf }]\n'),
    told: `  UpFailed during up: a file or directory that web mounts is not there (missing.conf)\n    Look at its volumes, secrets and configs: their sources must exist on the host. ${WAY_BACK}\n`,
    status: 'UpFailed',
  },
  mount: {
    item: 'a file to mount that is missing, of which Docker makes a directory',
    compose: web('    volumes: ["./missing.conf:/etc/passwd"]\n'),
    told: `  UpFailed during up: a mount of web is not possible (missing.conf)\n    Look at its volumes: a file mounts onto a file only. Docker makes a directory where the file to mount is missing: move that away and put the file there. ${WAY_BACK}\n`,
    status: 'UpFailed',
  },
  name: {
    item: 'a container_name that a foreign container has',
    compose: web('    container_name: FOREIGN\n'),
    told: `  UpFailed during up: another container already has the name foreign\n    Look at docker ps -a on the host: remove the other container, or change container_name. ${WAY_BACK}\n`,
    status: 'UpFailed',
  },
};

const CASES = { ...BEFORE_COMMIT, ...AFTER_COMMIT };

let fleet: OperatorFleet;
let before: Map<string, Awaited<ReturnType<OperatorFleet['snapshot']>>>;
let after: typeof before;
let foreign: string;
let seen: Record<'first' | 'failed' | 'get' | 'history' | 'mended' | 'again', Seen>;

beforeAll(async () => {
  fleet = createOperatorFleet();
  const { registry } = engine();
  foreign = await docker([
    ...['create', '--name', fleet.slug('foreign'), '--label', `com.docker.compose.project=${fleet.slug('other')}`],
    `${registry}/flotilla-test/app:v1.0.0`,
  ]);
  for (const name of Object.keys(CASES)) {
    fleet.writeOwn(fleet.slug(name), GOOD);
    fleet.writeTenant(fleet.slug(name), { 'notes.txt': 'theirs', '.env': 'A=1\n' });
  }
  const first = await fleet.flotilla('reconcile -q');
  for (const [name, { compose, tag = 'v1.1.0', env, spec }] of Object.entries(CASES)) {
    const text = compose.replace('FOREIGN', fleet.slug('foreign')).replace('REGISTRY_ADDRESS', registry);
    fleet.writeOwn(fleet.slug(name), text, {}, { imageTag: tag, ...spec });
    if (env !== undefined) fleet.writeTenant(fleet.slug(name), { '.env': env });
  }
  before = await snapshots();
  const failed = await fleet.flotilla('reconcile -q');
  after = await snapshots();
  const get = await fleet.flotilla('get -o wide');
  const history = await fleet.flotilla('generations');
  for (const name of Object.keys(CASES)) {
    fleet.writeOwn(fleet.slug(name), GOOD, {}, { imageTag: 'v1.1.0' });
    fleet.writeTenant(fleet.slug(name), { '.env': 'A=1\n' });
  }
  const mended = await fleet.flotilla('reconcile -q');
  seen = { first, failed, get, history, mended, again: await fleet.flotilla('reconcile -q') };
}, 600_000);
afterAll(() => fleet.cleanUp());

async function snapshots(): Promise<typeof before> {
  const taken = Object.keys(CASES).map(async (name) => [name, await fleet.snapshot(fleet.slug(name))] as const);
  return new Map(await Promise.all(taken));
}

const rows = Object.entries(CASES).map(([name, each]) => ({ name, ...each }));

it('starts from tenants that run', () => {
  expect(seen.first).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`\\n${rows.length} instances: ${rows.length} converged\\n$`)),
  });
});

describe('an upgrade fails, and the operator reads why and what to do', () => {
  it.each(rows)('$item', ({ name, tag = 'v1.1.0', told, status }) => {
    const block = blockOf(seen.failed, name);
    const blocked = status === 'EnvCoverageBlocked';
    const result = blocked ? 'waiting: EnvCoverageBlocked' : 'failed';
    expect(block).toContain(`${name} on one: v1.0.0 -> ${tag} (${result})\n${told.replaceAll('SLUG', name)}`);
  });

  it('and the command ends in 1, without a secret or a word of compose itself', () => {
    expect(seen.failed).toMatchObject({ code: 1, stderr: '' });
    expect(seen.failed.stdout).toContain(`${rows.length} instances: 1 waiting, ${rows.length - 1} failed`);
    for (const { stdout } of Object.values(seen)) {
      expect(stdout).not.toMatch(/s3cret|Error response from daemon|level=|OCI runtime|exit status/);
    }
  });
});

describe('a failure before the commit leaves files and containers exactly as they were', () => {
  it.each(rows.filter(({ name }) => name in BEFORE_COMMIT))('$item', ({ name }) => {
    expect(after.get(name)).toEqual(before.get(name));
    expect(after.get(name)?.containers).toEqual([expect.stringMatching(/^web running /)]);
  });
});

describe("a failure after it leaves the new files in place, and the tenant's own alone", () => {
  it.each(rows.filter(({ name }) => name in AFTER_COMMIT))('$item', ({ name }) => {
    expect(after.get(name)?.files).toMatchObject({
      'notes.txt': before.get(name)?.files['notes.txt'],
      '.env': before.get(name)?.files['.env'],
    });
    expect(after.get(name)?.files['docker-compose.yml']).not.toBe(before.get(name)?.files['docker-compose.yml']);
    expect(after.get(name)?.containers.filter((container) => container.includes(' created '))).toEqual([]);
  });

  it('and the foreign container of the same name as it was', async () => {
    expect(await docker(['inspect', '--format', '{{.Id}} {{.State.Status}}', fleet.slug('foreign')])).toBe(
      `${foreign} created`,
    );
  });
});

describe('afterwards get and history tell of the failure, and the desired tag is kept', () => {
  it.each(rows)('$item', ({ name, tag = 'v1.1.0', told, status }) => {
    const applied = name in AFTER_COMMIT ? tag : 'v1.0.0';
    const [code = '', phase = '', message = ''] = /^ {2}(\w+) during (\w+): (.*)$/m.exec(told)?.slice(1) ?? [];
    const row = seen.get.stdout.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';
    expect(row.split(/\s+/).slice(0, 6)).toEqual([name, 'one', 'production', tag, applied, status]);
    if (code === '') return;
    expect(row).toContain(message);
    // What a plan already refuses was never tried.
    if (phase === 'validate') return;
    expect(seen.history.stdout).toContain(
      `${name}: applying ${tag} failed at TIME during ${phase} (${code}): ${message}\n`,
    );
  });
});

describe('mending the cause and reconciling again is enough', () => {
  it.each(rows)('$item', async ({ name }) => {
    expect(blockOf(seen.mended, name)).toMatch(/^.*\(converged\)\n/);
    const running = (await fleet.containers(fleet.slug(name))).filter(({ state }) => state === 'running');
    expect(running.map(({ service, tag }) => [service, tag])).toEqual([['web', 'v1.1.0']]);
  });

  it('and a further run changes nothing', () => {
    expect(seen.mended.code).toBe(0);
    expect(seen.again).toMatchObject({ code: 0, stdout: expect.stringContaining(`${rows.length} in sync`) });
  });
});
