import type { Evaluation } from '../compose/interpolation.js';
import type { Compose } from './compose/compose-cli.js';
import type { EngineApi } from './engine/engine-api.js';
import type { FileHasher } from './files/file-hash.js';
import type { HostConfig } from './host.js';
import { createObservationMemory, type ObservationMemory } from './observation-memory.js';

/** One machine with tenants, and the means to work on it. */
export interface TenantHost {
  config: HostConfig;
  compose: Compose;
  engine: EngineApi;
  hasher: FileHasher;
  memory: ObservationMemory;
  /** Such as `2.26.1-4`; asked once. @throws FlotillaError ComposeMissing */
  composeVersion(): Promise<string>;
  /** How this host's compose evaluates the argument of `${A:-${B}}` when A is set; eager where there is no compose to ask. */
  evaluation(): Promise<Evaluation>;
  now(): Date;
}

const VERSION_TIMEOUT_MS = 20_000;

export function createTenantHost(parts: Pick<TenantHost, 'config' | 'compose' | 'engine' | 'hasher'>): TenantHost {
  let version: Promise<string> | undefined;
  const composeVersion = () => {
    version ??= parts.compose.version({ timeoutMs: VERSION_TIMEOUT_MS });
    version.catch(() => {
      version = undefined;
    });
    return version;
  };
  return {
    ...parts,
    memory: createObservationMemory(),
    composeVersion,
    evaluation: () => composeVersion().then(evaluationOf, () => 'eager' as const),
    now: () => new Date(),
  };
}

/** Lazy from 5.0.2 on, by experiment. */
function evaluationOf(version: string): Evaluation {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split(/[.-]/).map(Number);
  return major > 5 || (major === 5 && (minor > 0 || patch >= 2)) ? 'lazy' : 'eager';
}
