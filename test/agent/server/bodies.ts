import { createHash, randomUUID } from 'node:crypto';
import type { ApplyBody, InspectBody, ObserveBody, RefBody, RollbackBody } from '../../../src/wire/messages.js';
import { desiredTenant, entry } from '../../support/plan-fixtures.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const TIMEOUTS = { pullMs: 1000, upMs: 1000, verifyMs: 1000, settleMs: 0 };

export const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Bodies that an agent takes, for an instance in the directory of its name. */
export function observeBody(slug: string, paths: string[] = ['app.conf']): ObserveBody {
  return { containers: false, requests: [{ slug, project: slug, directory: slug, paths }] };
}

export function refBody(slug: string): RefBody {
  return { slug, project: slug, directory: slug };
}

export function rollbackBody(slug: string): RollbackBody {
  return { ...refBody(slug), timeouts: TIMEOUTS };
}

export function inspectBody(slug: string, files: Record<string, string> = FILES): InspectBody {
  const tenant = desiredTenant({
    ...common(slug),
    files: Object.entries(files).map(([path, text]) => entry(path, text)),
    onChange: [{ path: 'app.conf', service: 'web', action: 'Restart' }],
    released: ['old.conf'],
  });
  return { tenant, contents: contentsOf(files), containers: false } as unknown as InspectBody;
}

/** A plan for files alone: it asks no engine. `found` are the texts that the plan expects to find. */
export function applyBody(
  slug: string,
  files: Record<string, string> = FILES,
  found: Record<string, string> = {},
  applyId: string = randomUUID(),
): ApplyBody {
  const paths = Object.keys(files);
  const plan = {
    ...common(slug),
    fromImageTag: null,
    fileSet: Object.entries(files).map(([path, text]) => entry(path, text)),
    onChange: [],
    released: [],
    files: paths.map((path) => ({ path, status: 'created', cause: 'new', reason: 'new', sensitive: false })),
    containers: null,
    operations: [
      ...Object.entries(files).map(([path, text]) => ({
        kind: 'write',
        path,
        sha256: sha256(text),
        mode: 0o644,
        inPlace: false,
        createOnly: false,
        cause: 'new',
      })),
      { kind: 'record', cause: 'new' },
    ],
    envCoverage: null,
    warnings: [],
    gate: null,
    basis: {
      files: paths.map((path) => ({
        path,
        sha256: path in found ? sha256(found[path] as string) : null,
        mode: path in found ? 0o644 : null,
      })),
      generation: 0,
    },
  };
  return { applyId, plan, contents: contentsOf(files) } as unknown as ApplyBody;
}

const FILES = { 'app.conf': 'new\n', 'docker-compose.yml': 'services: {}\n' };

function common(slug: string) {
  return {
    slug,
    project: slug,
    directory: slug,
    host: 'one',
    template: 'app',
    revision: 'r1',
    imageTag: 'v1',
    digest: DIGEST,
    compose: ['docker-compose.yml'],
    tenantCompose: [],
    timeouts: TIMEOUTS,
  };
}

function contentsOf(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, base64(text)]));
}
