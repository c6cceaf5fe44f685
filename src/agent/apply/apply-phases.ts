import type { ApplyPhase, ApplyProgress, ApplyResult } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';

/** Runs the steps of one apply: reports each, times it, and puts its name on what goes wrong in it. */
export interface ApplyPhases {
  run<T>(phase: ApplyPhase, work: () => Promise<T>): Promise<T>;
  report(progress: ApplyProgress): void;
  /** In the order in which they ran. */
  readonly done: ApplyResult['phases'];
}

export function createPhases(onProgress: ((progress: ApplyProgress) => void) | undefined): ApplyPhases {
  const done: { phase: ApplyPhase; durationMs: number }[] = [];
  return {
    done,
    report: (progress) => onProgress?.(progress),
    async run(phase, work) {
      onProgress?.({ phase });
      const start = performance.now();
      try {
        return await work();
      } catch (error) {
        throw inPhase(error, phase);
      } finally {
        done.push({ phase, durationMs: Math.round(performance.now() - start) });
      }
    },
  };
}

function inPhase(error: unknown, phase: ApplyPhase): unknown {
  if (!(error instanceof FlotillaError) || error.phase !== undefined) return error;
  const { code, message, hint, problems, cause } = error;
  return new FlotillaError(code, message, { cause, problems, phase, ...(hint !== undefined && { hint }) });
}
