import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../src/cli/run.js';
import type { Decision, HistoryBatch, HistoryStore, Upgrade } from '../../../src/history/history-store.js';
import type { Condition, InstanceStatus } from '../../../src/history/instance-status.js';
import { openSqliteStore } from '../../../src/history/sqlite/open-sqlite-store.js';
import { HISTORY_FILE } from '../../../src/state/state-directory.js';
import { memoryIo } from '../../support/memory-io.js';

export const COMMIT = 'c0ffee0000000000000000000000000000000001';
export const NEXT_COMMIT = 'deadbeef00000000000000000000000000000002';

/** A state directory that a test writes as the daemon would, and command lines that read it. */
export function createDaemonMemory() {
  const state = mkdtempSync(join(tmpdir(), 'flotilla-state-'));
  let store: HistoryStore | undefined;
  return {
    state,
    write: async (batch: Partial<HistoryBatch>) => {
      store ??= await openSqliteStore(join(state, HISTORY_FILE));
      await store.write({ upgrades: [], decisions: [], statuses: [], forgotten: [], accepted: [], ...batch });
    },
    flotilla: async (...argv: string[]) => {
      const io = memoryIo();
      const code = await run([...argv, '--state', state], io);
      return { code, stdout: io.stdout(), stderr: io.stderr() };
    },
    /** As `flotilla`, while the test goes on. */
    start: (...argv: string[]) => {
      const io = memoryIo();
      return { io, code: run([...argv, '--state', state], io) };
    },
    remove: async () => {
      await store?.close();
      rmSync(state, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}

const HOUR_MS = 3_600_000;

export function condition(
  type: Condition['type'],
  status: Condition['status'],
  reason: string,
  message = '',
): Condition {
  return { type, status, reason, message, lastTransitionTime: ago(5 * HOUR_MS) };
}

export function status(slug: string, overrides: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    slug,
    host: 'edmonton-1',
    fleet: 'production',
    imageTag: 'v1.1.0',
    appliedImageTag: 'v1.1.0',
    desiredRevision: COMMIT,
    desiredAuthor: 'Ada <ada@example.org>',
    desiredDigest: 'sha256:1',
    attemptedRevision: COMMIT,
    appliedRevision: COMMIT,
    conditions: [condition('Ready', 'True', 'Converged', 'applied and verified')],
    failures: 0,
    nextAttemptAt: null,
    updatedAt: ago(0),
    project: slug,
    directory: slug,
    deletionPolicy: 'Orphan',
    removing: false,
    ...overrides,
  };
}

export function decision(reason: string, overrides: Partial<Decision> = {}): Decision {
  return {
    at: ago(5 * HOUR_MS),
    slug: 'acme',
    host: 'edmonton-1',
    type: 'Normal',
    reason,
    message: `what is behind ${reason}`,
    revision: COMMIT,
    ...overrides,
  };
}

export function upgrade(id: string, overrides: Partial<Upgrade> = {}): Upgrade {
  return {
    id,
    slug: 'acme',
    host: 'edmonton-1',
    fleet: 'production',
    revision: COMMIT,
    author: 'Ada <ada@example.org>',
    fromImageTag: 'v1.0.0',
    toImageTag: 'v1.1.0',
    cause: 'update v1.0.0 -> v1.1.0',
    plan: {
      files: [{ path: 'docker-compose.yml', status: 'modified', cause: 'update' }],
      containers: [
        { service: 'api', action: 'recreate', cause: 'image changed' },
        { service: 'db', action: 'none', cause: '' },
      ],
      operations: [{ kind: 'pull', cause: 'image changed' }],
    },
    phases: [
      { phase: 'pull', durationMs: 3200 },
      { phase: 'up', durationMs: 900 },
    ],
    result: 'converged',
    error: null,
    log: ['api: started'],
    startedAt: '2026-01-10T12:00:00.000Z',
    finishedAt: '2026-01-10T12:00:07.000Z',
    ...overrides,
  };
}
