import { join } from 'node:path';
import { type ComposeCall, createCompose } from '../../src/agent/compose/compose-cli.js';
import { createEngineApi } from '../../src/agent/engine/engine-api.js';
import { buildHostConfig } from '../../src/agent/host.js';
import type { ComposeProject } from './compose-project.js';
import { engine } from './engine.js';

/** The host side's own means to work on the tests' engine, with no configuration of the user's. */
export function dockerHost({ home = '/nonexistent' } = {}) {
  const { dockerHost, path } = engine();
  const config = buildHostConfig('/', { PATH: path, HOME: home, DOCKER_HOST: dockerHost });
  return { config, compose: createCompose(config), engine: createEngineApi(config) };
}

/** How the host side names a test's project. */
export function asProject({ name, directory }: Pick<ComposeProject, 'name' | 'directory'>) {
  return { project: name, directory, files: ['docker-compose.yml'] };
}

export const CALL: ComposeCall = { timeoutMs: 60_000 };

/** An image that the tests' registry holds. */
export function appImage(tag = 'v1.0.0'): string {
  return join(engine().registry, `flotilla-test/app:${tag}`);
}
