import { createHash } from 'node:crypto';
import type {
  AppliedView,
  Inspection,
  ObservedFile,
  ObservedService,
  ObservedTenant,
  ServiceForecast,
} from '../../src/plan/observed.js';
import type { DesiredTenant, Plan } from '../../src/plan/plan.js';
import type { FileEntry } from '../../src/render/file-set.js';

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

export function entry(path: string, text: string, over: Partial<FileEntry> = {}): FileEntry {
  return { path, sha256: sha(text), mode: 0o644, size: text.length, sensitive: false, ownership: 'Managed', ...over };
}

export function desiredTenant(over: Partial<DesiredTenant> = {}): DesiredTenant {
  return {
    slug: 'acme',
    project: 'acme',
    directory: 'acme',
    host: 'edmonton-1',
    fleet: 'production',
    template: 'changemaker',
    revision: 'r2',
    imageTag: 'v2',
    registered: false,
    suspend: false,
    driftPolicy: 'Heal',
    timeouts: { pullMs: 600_000, upMs: 300_000, verifyMs: 180_000, settleMs: 5_000 },
    digest: 'sha256:new',
    files: [entry('docker-compose.yml', 'compose v2')],
    released: [],
    compose: ['docker-compose.yml'],
    tenantCompose: [],
    onChange: [],
    ...over,
  };
}

export function appliedView(files: Record<string, string>, over: Partial<AppliedView> = {}): AppliedView {
  return {
    generation: 1,
    project: 'acme',
    revision: 'r1',
    imageTag: 'v1',
    digest: 'sha256:old',
    template: 'changemaker',
    files: Object.entries(files).map(([path, text]) => ({ path, sha256: sha(text), mode: 0o644, createOnly: false })),
    outcome: 'verified',
    unfinished: null,
    appliedAt: '2026-01-01T00:00:00.000Z',
    lastFailure: null,
    hold: null,
    ...over,
  };
}

export function observedTenant(
  files: Record<string, string | null>,
  over: Partial<ObservedTenant> = {},
): ObservedTenant {
  return {
    slug: 'acme',
    directory: '/srv/tenants/acme',
    exists: true,
    files: Object.entries(files).map(
      ([path, text]): ObservedFile => ({
        path,
        sha256: text === null ? null : sha(text),
        mode: text === null ? null : 0o644,
      }),
    ),
    applied: null,
    services: [],
    engine: true,
    otherProjects: [],
    otherDirectories: [],
    lockedBy: null,
    interrupted: false,
    error: null,
    ...over,
  };
}

export function running(name: string, over: Partial<ObservedService['containers'][number]> = {}): ObservedService {
  return {
    name,
    recorded: { count: 1, completed: false },
    containers: [{ state: 'running', health: null, exitCode: null, differs: [], ...over }],
  };
}

export function forecast(name: string, over: Partial<ServiceForecast> = {}): ServiceForecast {
  return {
    name,
    image: `app/${name}:v2`,
    previousImage: `app/${name}:v2`,
    replicas: 1,
    oneShot: false,
    mounts: [],
    sharesWith: [],
    definition: 'same',
    inlineChanged: false,
    ...over,
  };
}

export function inspection(services: readonly ServiceForecast[] | null, over: Partial<Inspection> = {}): Inspection {
  return {
    diffs: [],
    envCoverage: { required: [], missingInTenantEnv: [], blocking: [], newlyNeeded: [], suspect: [] },
    problems: [],
    forecast: services,
    refused: null,
    ...over,
  };
}

/** A plan as short literal text: one line a file, a container, an operation; then warnings and the gate. */
export function printPlan(plan: Plan): string {
  const lines = [
    ...plan.files.map((file) => `file ${file.path}: ${file.status}${file.reason ? `, ${file.reason}` : ''}`),
    ...(plan.containers ?? []).map(
      ({ service, action, cause }) => `container ${service}: ${action}${cause ? `, ${cause}` : ''}`,
    ),
    ...plan.operations.map(printOperation),
    ...plan.warnings.map((warning) => `warning ${warning}`),
    ...(plan.gate ? [`gate ${plan.gate.reason}: ${plan.gate.message}${plan.gate.blocked ? ' [blocked]' : ''}`] : []),
  ];
  return lines.join('\n');
}

function printOperation(operation: Plan['operations'][number]): string {
  const { kind, cause } = operation;
  switch (operation.kind) {
    case 'write':
      return `-> write ${operation.path}${operation.inPlace ? ' in place' : ''}${operation.createOnly ? ' once' : ''} (${cause})`;
    case 'remove':
      return `-> remove ${operation.path} (${cause})`;
    case 'up': {
      const anew = operation.recreate.length > 0 ? ` recreate=${operation.recreate}` : '';
      return `-> up [${operation.services}]${anew} (${cause})`;
    }
    case 'removeServices':
    case 'down':
    case 'restart':
      return `-> ${kind} [${operation.services}] (${cause})`;
    case 'signal':
      return `-> signal ${operation.service} ${operation.signal} (${cause})`;
    default:
      return `-> ${kind} (${cause})`;
  }
}
