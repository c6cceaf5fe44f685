import type { ReconcileItem, ReconcileReport, Result } from '../../src/controller/report.js';
import type { Plan } from '../../src/plan/plan.js';

const AT = '2026-01-02T03:04:05.000Z';

/** A plan with nothing to do. */
export function emptyPlan(overrides: Partial<Plan> = {}): Plan {
  return {
    slug: 'acme',
    project: 'acme',
    directory: 'acme',
    host: 'edmonton-1',
    template: 'changemaker',
    revision: 'f00d',
    imageTag: 'v2.4.1',
    fromImageTag: 'v2.4.1',
    digest: 'sha256:1',
    fileSet: [],
    compose: ['docker-compose.yml'],
    tenantCompose: [],
    onChange: [],
    released: [],
    timeouts: { pullMs: 1, upMs: 1, verifyMs: 1, settleMs: 1 },
    files: [],
    containers: [],
    operations: [],
    envCoverage: { required: [], missingInTenantEnv: [], blocking: [], newlyNeeded: [], suspect: [] },
    warnings: [],
    gate: null,
    basis: { files: [], generation: 1 },
    ...overrides,
  };
}

/** An upgrade with one of everything. */
export function upgradePlan(overrides: Partial<Plan> = {}): Plan {
  const cause = 'update v2.4.0 -> v2.4.1';
  return emptyPlan({
    fromImageTag: 'v2.4.0',
    files: [
      { path: '.env', status: 'modified', cause: 'update', reason: 'update', sensitive: true },
      { path: 'docker-compose.yml', status: 'modified', cause: 'update', reason: 'update', sensitive: false },
      {
        path: 'nginx/nginx.conf',
        status: 'created',
        cause: 'drift',
        reason: 'drift (deleted on the host)',
        sensitive: false,
      },
      {
        path: 'nginx/old.conf',
        status: 'kept',
        cause: 'edited on the host',
        reason: 'no longer rendered, but edited on the host',
        sensitive: false,
      },
      { path: 'README', status: 'unchanged', cause: null, reason: '', sensitive: false },
    ],
    containers: [
      { service: 'api', action: 'recreate', cause: 'image changed: app:v2.4.0 -> app:v2.4.1' },
      { service: 'db', action: 'none', cause: '' },
      { service: 'nginx', action: 'restart', cause: 'nginx/nginx.conf changed' },
    ],
    operations: [
      { kind: 'pull', cause },
      { kind: 'write', path: '.env', sha256: 'a', mode: 0o600, inPlace: false, createOnly: false, cause: 'update' },
      {
        kind: 'write',
        path: 'docker-compose.yml',
        sha256: 'b',
        mode: 0o644,
        inPlace: false,
        createOnly: false,
        cause: 'update',
      },
      {
        kind: 'write',
        path: 'nginx/nginx.conf',
        sha256: 'c',
        mode: 0o644,
        inPlace: true,
        createOnly: false,
        cause: 'drift (deleted on the host)',
      },
      { kind: 'remove', path: 'nginx/gone.conf', sha256: 'd', cause: 'no longer rendered' },
      { kind: 'up', services: ['api'], recreate: [], cause: 'image changed: app:v2.4.0 -> app:v2.4.1' },
      { kind: 'restart', services: ['nginx'], cause: 'nginx/nginx.conf changed' },
      { kind: 'verify', cause },
      { kind: 'record', cause },
    ],
    envCoverage: {
      required: ['API_KEY', 'OLD', 'SMTP_HOST'],
      missingInTenantEnv: ['OLD', 'SMTP_HOST'],
      blocking: ['API_KEY'],
      newlyNeeded: ['API_KEY', 'SMTP_HOST'],
      suspect: [],
    },
    warnings: [
      "nginx/old.conf is no longer rendered and was edited on the host: it is kept, and from now on the tenant's own",
    ],
    ...overrides,
  });
}

export const composeDiff = {
  path: 'docker-compose.yml',
  diff: '--- docker-compose.yml\n+++ docker-compose.yml\n@@ -1,3 +1,3 @@\n services:\n   api:\n-    image: app:v2.4.0\n+    image: app:v2.4.1\n',
  truncated: false,
  omittedLines: 0,
};

const envDiff = {
  path: '.env',
  diff: '--- .env\n+++ .env\n@@ -1,1 +1,1 @@\n-PASSWORD=***\n+PASSWORD=*** (changed)\n',
  truncated: true,
  omittedLines: 7,
};

/** An item of a report; without a plan it is in sync. */
export function item(slug: string, overrides: Partial<ReconcileItem> = {}): ReconcileItem {
  const plan = overrides.plan === undefined ? emptyPlan({ slug }) : overrides.plan;
  return {
    slug,
    host: 'edmonton-1',
    fleet: 'production',
    imageTag: 'v2.4.1',
    result: 'inSync',
    diffs: [],
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'InSync',
        message: 'the host has what is desired',
        lastTransitionTime: AT,
      },
    ],
    error: null,
    applied: null,
    ...overrides,
    plan: plan && { ...plan, slug },
  };
}

export function report(items: readonly ReconcileItem[], overrides: Partial<ReconcileReport> = {}): ReconcileReport {
  const summary: Record<Result, number> = { inSync: 0, changed: 0, converged: 0, waiting: 0, failed: 0 };
  for (const { result } of items) summary[result]++;
  return { revision: 'f00d', dryRun: true, summary, items, problems: [], ...overrides };
}

/** One instance of each result. */
export function mixedReport(): ReconcileReport {
  const gate = {
    reason: 'Suspended',
    message: 'suspended in its manifest',
    hint: 'remove spec.suspend to go on',
    blocked: false,
  } as const;
  const problem = {
    code: 'ManifestInvalid',
    message: 'spec.imageTag must be a Docker tag',
    file: 'manifests/echo.yaml',
    line: 4,
    column: 13,
    excerpt: '  imageTag: "a b"\n            ^',
    hint: 'letters, digits, "_", "." and "-"',
  } as const;
  const error = {
    code: 'ImageNotFound',
    message: 'the registry has no app:v2.4.1',
    hint: 'push it, or commit another tag',
    phase: 'pull',
    problems: [],
  } as const;
  const broken = {
    code: 'ManifestInvalid',
    message: 'its manifest has problems',
    hint: null,
    phase: null,
    problems: [problem],
  } as const;
  return report(
    [
      item('acme', { result: 'changed', plan: upgradePlan(), diffs: [envDiff, composeDiff] }),
      item('beta'),
      item('coop', {
        result: 'waiting',
        plan: upgradePlan({ gate, warnings: [], envCoverage: emptyPlan().envCoverage }),
        diffs: [composeDiff],
      }),
      item('delta', { result: 'failed', plan: null, error }),
      item('echo', { result: 'failed', plan: null, host: '', fleet: null, imageTag: '', error: broken }),
    ],
    {
      problems: [problem, { code: 'ManifestInvalid', message: 'unknown field', file: 'manifests/hosts.yaml', line: 2 }],
    },
  );
}
