import type { Problem } from '../errors.js';
import { formatMode } from '../plan/format-operation.js';
import type { Operation, Plan } from '../plan/plan.js';
import type { ReconcileItem, ReconcileReport } from './report.js';
import type { ReportDocument } from './report-schema.js';

type ItemDocument = ReportDocument['items'][number];
type OperationDocument = ItemDocument['operations'][number];

/**
 * The report as the one stable document that machines read. Deterministic: the same report gives the same bytes.
 * Hashes of contents stay out: one of a sensitive file could be guessed at.
 */
export function toReportDocument(report: ReconcileReport): ReportDocument {
  const { inSync, changed, converged, waiting, failed } = report.summary;
  return {
    apiVersion: 'flotilla.dev/v1',
    kind: 'ReconcileReport',
    revision: report.revision,
    dryRun: report.dryRun,
    summary: { inSync, changed, converged, waiting, failed },
    items: report.items.map(toItemDocument),
    problems: report.problems.map(toProblemDocument),
  };
}

/** The document as text, indented by two, ending in a line feed. */
export function formatReportJson(report: ReconcileReport): string {
  return `${JSON.stringify(toReportDocument(report), null, 2)}\n`;
}

function toItemDocument(item: ReconcileItem): ItemDocument {
  const { plan, error, applied } = item;
  return {
    slug: item.slug,
    host: item.host,
    fleet: item.fleet,
    imageTag: item.imageTag,
    fromImageTag: plan?.fromImageTag ?? null,
    result: item.result,
    files: toFileDocuments(item),
    containers: plan?.containers?.map(({ service, action, cause }) => ({ service, action, cause })) ?? null,
    envCoverage: plan?.envCoverage ? toCoverageDocument(plan.envCoverage) : null,
    operations: plan?.operations.map(toOperationDocument) ?? [],
    warnings: [...(plan?.warnings ?? [])],
    gate: plan?.gate ? toGateDocument(plan.gate) : null,
    conditions: item.conditions.map(({ type, status, reason, message, lastTransitionTime }) => ({
      type,
      status,
      reason,
      message,
      lastTransitionTime,
    })),
    error: error && { ...toErrorDocument(error) },
    applied: applied && {
      generation: applied.generation,
      phases: applied.phases.map(({ phase, durationMs }) => ({ phase, durationMs })),
      recreated: [...applied.recreated],
      restarted: [...applied.restarted],
    },
  };
}

function toFileDocuments({ plan, diffs }: ReconcileItem): ItemDocument['files'] {
  const byPath = new Map(diffs.map((diff) => [diff.path, diff]));
  return (plan?.files ?? []).flatMap(({ path, status, cause, reason, sensitive }) => {
    if (status === 'unchanged' || cause === null) return [];
    const { diff = null, truncated = false, omittedLines = 0 } = byPath.get(path) ?? {};
    return [{ path, status, cause, reason, sensitive, diff, truncated, omittedLines }];
  });
}

function toCoverageDocument(coverage: NonNullable<Plan['envCoverage']>): NonNullable<ItemDocument['envCoverage']> {
  return {
    required: [...coverage.required],
    missingInTenantEnv: [...coverage.missingInTenantEnv],
    blocking: [...coverage.blocking],
    newlyNeeded: [...coverage.newlyNeeded],
    suspect: [...coverage.suspect],
  };
}

function toOperationDocument(operation: Operation): OperationDocument {
  const { kind, cause } = operation;
  switch (kind) {
    case 'write': {
      const { path, mode, inPlace, createOnly } = operation;
      return { kind, path, mode: formatMode(mode), inPlace, createOnly, cause };
    }
    case 'remove':
      return { kind, path: operation.path, cause };
    case 'up':
      return { kind, services: [...operation.services], recreate: [...operation.recreate], cause };
    case 'removeServices':
    case 'down':
    case 'restart':
      return { kind, services: [...operation.services], cause };
    case 'signal':
      return { kind, service: operation.service, signal: operation.signal, cause };
    case 'pull':
    case 'verify':
    case 'record':
      return { kind, cause };
  }
}

function toGateDocument({
  reason,
  message,
  hint,
  until,
  blocked,
}: NonNullable<Plan['gate']>): NonNullable<ItemDocument['gate']> {
  return { reason, message, hint: hint ?? null, until: until ?? null, blocked };
}

function toErrorDocument(error: NonNullable<ReconcileItem['error']>): NonNullable<ItemDocument['error']> {
  const { code, message, hint, phase, problems } = error;
  return { code, message, hint, phase, problems: problems.map(toProblemDocument) };
}

function toProblemDocument(problem: Problem): ReportDocument['problems'][number] {
  const { code, message, file, line, column, excerpt, hint, slug } = problem;
  return {
    code,
    message,
    file,
    line: line ?? null,
    column: column ?? null,
    excerpt: excerpt ?? null,
    hint: hint ?? null,
    slug: slug ?? null,
  };
}
