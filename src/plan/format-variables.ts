import type { EnvCoverage } from '../compose/env-coverage.js';

export interface MissingVariable {
  name: string;
  /** The compose file that is there now does not need it. */
  newly: boolean;
  /** Compose would refuse to start. */
  blocking: boolean;
}

/** Variables the tenant's `.env` lacks, in the order a person should read them: newly needed first, then by name. */
export function missingVariables(coverage: EnvCoverage | null): MissingVariable[] {
  if (coverage === null) return [];
  const newly = new Set(coverage.newlyNeeded);
  const blocking = new Set(coverage.blocking);
  const names = [...new Set([...coverage.missingInTenantEnv, ...coverage.blocking])].sort();
  const all = names.map((name) => ({ name, newly: newly.has(name), blocking: blocking.has(name) }));
  return [...all.filter((variable) => variable.newly), ...all.filter((variable) => !variable.newly)];
}
