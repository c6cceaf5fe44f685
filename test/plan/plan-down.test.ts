import { describe, expect, it } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { describeOperation } from '../../src/plan/format-operation.js';
import type { ObservedTenant } from '../../src/plan/observed.js';
import { planDown, type RemovedTenant } from '../../src/plan/plan-down.js';
import { appliedView, observedTenant, printPlan, running } from '../support/plan-fixtures.js';

const removed: RemovedTenant = {
  slug: 'acme',
  project: 'acme',
  directory: 'acme',
  host: 'edmonton-1',
  timeouts: { pullMs: 1, upMs: 2, verifyMs: 3, settleMs: 4 },
  revision: 'r3',
};
const FILES = { 'docker-compose.yml': 'compose' };

function observed(over: Partial<ObservedTenant> = {}): ObservedTenant {
  const exited = {
    name: 'migrate',
    recorded: null,
    containers: [{ state: 'exited', health: null, exitCode: 0, differs: [] }],
  } as const;
  const gone = { name: 'old', recorded: { count: 1, completed: false }, containers: [] };
  const services = [running('api'), exited, gone, running('web')];
  return observedTenant(FILES, { applied: appliedView(FILES, { generation: 7 }), services, ...over });
}

function refusal(over: Partial<ObservedTenant>): string {
  try {
    planDown(removed, observed(over));
  } catch (error) {
    if (error instanceof FlotillaError) return `${error.code}: ${error.message} (${error.hint})`;
    throw error;
  }
  return 'not refused';
}

describe('the plan of an instance whose manifest was removed', () => {
  it('takes down every service that has a container, and touches no file', () => {
    const plan = planDown(removed, observed());
    expect(printPlan(plan)).toBe(`\
container api: remove, its manifest was removed
container migrate: remove, its manifest was removed
container web: remove, its manifest was removed
-> down [api,migrate,web] (its manifest was removed)`);
    expect(plan).toMatchObject({ fileSet: [], files: [], imageTag: 'v1', fromImageTag: 'v1', digest: 'sha256:old' });
    expect(plan.basis).toEqual({ files: [], generation: 7 });
    expect(plan.operations.map(describeOperation)).toEqual([
      'down: remove the containers and networks of api, migrate, web; volumes and files stay: its manifest was removed',
    ]);
  });

  it('is empty when no container is left', () => {
    expect(planDown(removed, observed({ services: [] })).operations).toEqual([]);
    expect(planDown(removed, observedTenant({}, { exists: false })).operations).toEqual([]);
  });

  it('needs no record: what runs under its name goes', () => {
    const plan = planDown(removed, observed({ applied: null }));
    expect(plan).toMatchObject({
      imageTag: '',
      fromImageTag: null,
      digest: '',
      template: '',
      basis: { generation: 0 },
    });
    expect(plan.operations).toHaveLength(1);
  });

  it('waits while somebody holds the lock', () => {
    const lockedBy = { pid: 7, command: 'upgrade.sh', since: '' };
    expect(planDown(removed, observed({ lockedBy })).gate).toMatchObject({ reason: 'Locked', blocked: true });
    expect(planDown(removed, observed({ lockedBy, services: [] })).gate).toBeNull();
  });

  it('is refused where other containers would be in the way, and says how to go on', () => {
    expect(refusal({ otherProjects: ['acme_prod'], applied: null })).toBe(
      'ProjectMismatch: acme: its manifest was removed, but the containers in /srv/tenants/acme run as compose project "acme_prod", not as "acme"; none was touched (docker compose -p acme_prod down on the host removes them)',
    );
    expect(refusal({ otherDirectories: ['/srv/elsewhere'] })).toBe(
      'ProjectTaken: acme: its manifest was removed, but compose project "acme" also runs from /srv/elsewhere; no container was touched (remove by hand, on the host, what is no longer wanted)',
    );
    expect(refusal({ otherProjects: ['side'] })).toBe('not refused');
  });

  it('is not taken for done when the engine was not asked', () => {
    expect(refusal({ engine: false, services: [] })).toMatch(/^EngineUnreachable: /);
  });
});
