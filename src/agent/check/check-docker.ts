import { runDocker } from '../compose/compose-process.js';
import type { HostConfig } from '../host.js';
import type { TenantHost } from '../tenant-host.js';
import { type Finding, fail, failedWith, ok } from './finding.js';

const TIMEOUT_MS = 20_000;
const LOOK_AT_ENGINE = 'Look at systemctl status docker on the host.';
const INSTALL_CLIENT =
  'Install the docker client: the package docker-ce-cli of Docker, or docker-cli (docker.io before Debian 13).';
const INSTALL_COMPOSE =
  'Install Compose v2: the package docker-compose-plugin of Docker, docker-compose-v2 of Ubuntu, or docker-compose of Debian 13.';

/** The engine, the client and compose. They are asked, nothing is started. */
export async function checkDocker(host: TenantHost): Promise<Finding[]> {
  const [engine, client] = await Promise.all([checkEngine(host), checkClient(host.config)]);
  return client.level === 'ok' ? [engine, client, await checkCompose(host)] : [engine, client];
}

async function checkEngine({ engine, config }: TenantHost): Promise<Finding> {
  try {
    const { engine: version, api } = await engine.version();
    return ok('engine', `Docker Engine ${version} (API ${api}) at ${config.dockerHost}`);
  } catch (error) {
    return failedWith('engine', error, LOOK_AT_ENGINE);
  }
}

async function checkClient(config: HostConfig): Promise<Finding> {
  const answer = await ask(config, ['--version']);
  if (answer === null) return fail('docker', `there is no docker client in ${config.environment.PATH}`, INSTALL_CLIENT);
  return ok('docker', `docker client ${versionIn(answer) ?? 'of an unknown version'}`);
}

async function checkCompose({ compose, config }: TenantHost): Promise<Finding> {
  try {
    const version = await compose.version({ timeoutMs: TIMEOUT_MS });
    if (majorOf(version) >= 2) return ok('compose', `Docker Compose ${version}`);
    return fail('compose', `this is Docker Compose ${version}, and Flotilla needs version 2 or later`, INSTALL_COMPOSE);
  } catch {
    // The old one is a program of its own, which the client does not know.
    const old = versionIn((await ask({ ...config, docker: 'docker-compose' }, ['version', '--short'])) ?? '');
    const but = old !== null && majorOf(old) < 2 ? `; docker-compose ${old} is not enough` : '';
    return fail('compose', `the docker client of this host has no compose command${but}`, INSTALL_COMPOSE);
  }
}

/** Standard output; null when the program is not there or fails. */
async function ask(config: HostConfig, argv: readonly string[]): Promise<string | null> {
  const result = await runDocker(config, argv, { timeoutMs: TIMEOUT_MS }).catch(() => null);
  return result?.exitCode === 0 ? result.stdout : null;
}

function versionIn(text: string): string | null {
  return /\d+\.\d+[\w.+~-]*/.exec(text)?.[0] ?? null;
}

function majorOf(version: string): number {
  return Number.parseInt(version.replace(/^v/, ''), 10);
}
