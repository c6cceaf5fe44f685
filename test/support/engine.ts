import { execa, type Options } from 'execa';

/** Where the tests' Docker Engine is. Only tests under test/engine/ have one: see engine-setup.ts. */
export interface TestEngine {
  /** `unix:///...`, for DOCKER_HOST. */
  dockerHost: string;
  /** `127.0.0.1:PORT`: holds the images of scripts/images/build.sh with each of `IMAGE_TAGS`. */
  registry: string;
  /** PATH with a docker that has Compose v2 first. */
  path: string;
}

/** The tags that every image of scripts/images/build.sh has, oldest first. */
export const IMAGE_TAGS = ['v1.0.0', 'v1.1.0', 'v2.0.0'] as const;

/** The engine that the global setup has brought up; throws in a test of a project without that setup. */
export function engine(): TestEngine {
  const { DOCKER_HOST, FLOTILLA_TEST_REGISTRY, PATH } = process.env;
  if (!DOCKER_HOST || !FLOTILLA_TEST_REGISTRY || !PATH) {
    throw new Error('no engine: tests that need one live under test/engine/');
  }
  return { dockerHost: DOCKER_HOST, registry: FLOTILLA_TEST_REGISTRY, path: PATH };
}

/** Runs `docker` with these arguments on the tests' engine, in a minimal environment; gives its standard output. */
export async function docker(args: string[], options: Pick<Options, 'cwd'> = {}): Promise<string> {
  const { dockerHost, path } = engine();
  const env = { DOCKER_HOST: dockerHost, PATH: path, HOME: '/nonexistent' };
  const { stdout } = await execa('docker', args, {
    ...options,
    env,
    extendEnv: false,
    stdin: 'ignore',
    timeout: 100_000,
  });
  return stdout;
}
