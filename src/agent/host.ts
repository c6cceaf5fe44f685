/** One machine's Docker, as the agent or the local driver uses it. */
export interface HostConfig {
  /** Absolute: every instance lives in a directory below it. */
  root: string;
  /** The docker client: a path, or a name looked up in `environment.PATH`. */
  docker: string;
  /** Always explicit, so that neither a docker context nor a tenant's `.env` can choose another engine. */
  dockerHost: string;
  /**
   * All that compose inherits. Whatever is in here also satisfies a tenant's `${...}`, so it is what the docker client
   * needs and no more.
   */
  environment: { PATH: string; HOME: string; DOCKER_CONFIG?: string };
}

const DEFAULT_ENGINE = 'unix:///var/run/docker.sock';

/** @param env the process's own environment: read here, once, by a composition root. */
export function buildHostConfig(root: string, env: Readonly<Record<string, string | undefined>>): HostConfig {
  return {
    root,
    docker: 'docker',
    dockerHost: env.DOCKER_HOST || DEFAULT_ENGINE,
    environment: {
      PATH: env.PATH || '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: env.HOME || '/',
      ...(env.DOCKER_CONFIG ? { DOCKER_CONFIG: env.DOCKER_CONFIG } : {}),
    },
  };
}
