import { watchConfigSchema } from '../config/watch-config-schema.js';
import { reportSchema } from '../controller/report-schema.js';
import { FlotillaError } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import { KIND_SCHEMAS, type ManifestKind, manifestSchema } from '../manifest/schema.js';
import { EXIT_DONE } from './exit-code.js';
import type { Io } from './io.js';

/** `flotilla schema [KIND]` */
export async function schemaCommand({ kind }: { kind?: string }, { io }: { io: Io }): Promise<number> {
  await io.out.write(`${JSON.stringify(schemaOf(kind), null, 2)}\n`);
  return EXIT_DONE;
}

function schemaOf(kind: string | undefined): unknown {
  if (kind === undefined) return manifestSchema();
  const kinds = [...Object.keys(KIND_SCHEMAS), 'WatchConfig', 'ReconcileReport'];
  const found = kinds.find((known) => known.toLowerCase() === kind.toLowerCase());
  if (found === 'WatchConfig') return watchConfigSchema;
  if (found === 'ReconcileReport') return reportSchema;
  if (found !== undefined) return manifestSchema(found as ManifestKind);
  const near = nearestName(kind, kinds);
  throw new FlotillaError('UsageInvalid', `there is no kind "${kind}"`, {
    hint: near ? `did you mean "${near}"?` : `kinds are ${kinds.join(', ')}`,
  });
}
