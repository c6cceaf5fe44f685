import { join } from 'node:path';
import { type ComposeModel, parseComposeModel } from '../../src/compose/model.js';

/** The one service that the stub of compose knows. */
export const SERVICE = 'nginx';
export const IMAGE_ID = 'sha256:nginx';
export const CONFIG_HASH = 'nginx';
export const COMPOSE_VERSION = '2.26.1';

/** What the stub of `docker compose config` says of a compose file of the fleet: one service, with its image and its mount. */
export function stubConfig(project: string, directory: string, composeText: string): string {
  const image = /image: (\S+\/nginx:\S+)/.exec(composeText)?.[1] ?? '';
  const mount = { type: 'bind', source: join(directory, 'nginx/nginx.conf'), target: '/etc/nginx/nginx.conf' };
  return JSON.stringify({
    name: project,
    services: { [SERVICE]: { image, restart: 'unless-stopped', volumes: [mount] } },
  });
}

export function stubModel(project: string, directory: string, composeText: string): ComposeModel {
  return parseComposeModel(stubConfig(project, directory, composeText), {
    directory,
    composeVersion: COMPOSE_VERSION,
    environment: new Map(),
  });
}
