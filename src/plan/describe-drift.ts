import type { Plan } from './plan.js';

/** What somebody or something changed behind our back. */
export interface Drift {
  kind: 'file' | 'container';
  /** CamelCase, for a condition. */
  reason: 'FilesDrifted' | 'ContainersDrifted';
  /** What is other than it was applied; names only. */
  message: string;
}

/** null where nothing of what a plan does is there because of drift. */
export function describeDrift({ files, operations, containers }: Plan): Drift | null {
  const drifted = files.filter(({ cause }) => cause === 'drift' || cause === 'conflict');
  if (drifted.length > 0) {
    const message = drifted.map(({ path, reason }) => `${path}: ${reason}`).join('; ');
    return { kind: 'file', reason: 'FilesDrifted', message };
  }
  if (operations.at(-1)?.cause !== 'drift of containers') return null;
  const changed = containers?.filter(({ action }) => action !== 'none') ?? [];
  return {
    kind: 'container',
    reason: 'ContainersDrifted',
    message:
      changed.map(({ service, cause }) => `${service}: ${cause}`).join('; ') || 'containers are not as they were',
  };
}
