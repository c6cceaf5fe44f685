import type { Decision, HistoryBatch, Upgrade } from '../../src/history/history-store.js';
import type { InstanceStatus } from '../../src/history/instance-status.js';

export function batchOf(part: Partial<HistoryBatch>): HistoryBatch {
  return { upgrades: [], decisions: [], statuses: [], forgotten: [], accepted: [], ...part };
}

export function upgradeOf(part: Partial<Upgrade> = {}): Upgrade {
  return {
    id: 'u1',
    slug: 'acme',
    host: 'edmonton-1',
    fleet: 'production',
    revision: 'a'.repeat(40),
    author: 'Ann Example <ann@example.org>',
    fromImageTag: 'v1.0.0',
    toImageTag: 'v1.1.0',
    cause: 'update v1.0.0 -> v1.1.0',
    plan: {
      files: [{ path: 'docker-compose.yml', status: 'modified', cause: 'update' }],
      containers: [{ service: 'web', action: 'recreate', cause: 'image changed' }],
      operations: [{ kind: 'up', cause: 'update' }],
    },
    phases: [{ phase: 'pull', durationMs: 1200 }],
    result: 'converged',
    error: null,
    log: ['pulled 1 image'],
    startedAt: '2025-03-01T10:00:00.000Z',
    finishedAt: '2025-03-01T10:00:30.000Z',
    ...part,
  };
}

export function statusOf(slug: string, part: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    slug,
    host: 'edmonton-1',
    fleet: null,
    imageTag: 'v1.1.0',
    appliedImageTag: 'v1.0.0',
    desiredRevision: 'a'.repeat(40),
    desiredAuthor: 'Ann Example <ann@example.org>',
    desiredDigest: `sha256:${'b'.repeat(64)}`,
    attemptedRevision: null,
    appliedRevision: null,
    conditions: [
      {
        type: 'Ready',
        status: 'False',
        reason: 'Progressing',
        message: 'is brought up',
        lastTransitionTime: '2025-03-01T10:00:00.000Z',
      },
    ],
    failures: 0,
    nextAttemptAt: null,
    updatedAt: '2025-03-01T10:00:00.000Z',
    project: slug,
    directory: slug,
    deletionPolicy: 'Orphan',
    removing: false,
    ...part,
  };
}

export function decisionOf(part: Partial<Decision> = {}): Decision {
  return {
    at: '2025-03-01T10:00:00.000Z',
    slug: 'acme',
    host: 'edmonton-1',
    type: 'Normal',
    reason: 'Converged',
    message: 'runs v1.1.0',
    revision: null,
    ...part,
  };
}
