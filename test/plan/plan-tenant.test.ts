import { describe, expect, it } from 'vitest';
import type { Inspection, ObservedTenant } from '../../src/plan/observed.js';
import type { DesiredTenant } from '../../src/plan/plan.js';
import { hasWork, planTenant } from '../../src/plan/plan-tenant.js';
import {
  appliedView,
  desiredTenant,
  entry,
  forecast,
  inspection,
  observedTenant,
  printPlan,
  running,
} from '../support/plan-fixtures.js';

const COMPOSE = 'docker-compose.yml';

function plan(desired: DesiredTenant, observed: ObservedTenant, inspected: Inspection | null = inspection([])): string {
  return printPlan(planTenant({ desired, observed, inspection: inspected }));
}

/** One file in the three states that matter: last applied, on the host, desired. */
function fileCase(last: string | null, here: string | null, desired: string | null): string {
  const tenant = desiredTenant({ files: desired === null ? [] : [entry('a.conf', desired)] });
  const applied = appliedView(last === null ? {} : { 'a.conf': last });
  return plan(tenant, observedTenant({ 'a.conf': here }, { applied })).split('\n')[0] ?? '';
}

describe('the status of a file, from last applied, observed and desired', () => {
  it.each([
    ['the same everywhere', 'x', 'x', 'x', 'file a.conf: unchanged'],
    ['put right by hand', 'old', 'x', 'x', 'file a.conf: unchanged'],
    ['absent and never ours', null, null, 'x', 'file a.conf: created, new'],
    ['deleted on the host', 'x', null, 'x', 'file a.conf: created, drift (deleted on the host)'],
    ['changed in git', 'x', 'x', 'y', 'file a.conf: modified, update'],
    ['edited on the host', 'x', 'edited', 'x', 'file a.conf: modified, drift (edited on the host)'],
    [
      'edited on both sides',
      'x',
      'edited',
      'y',
      'file a.conf: modified, conflict (edited on the host, and desired state changed)',
    ],
    ['there before us', null, 'theirs', 'x', 'file a.conf: modified, adopt (never ours before)'],
    ['no longer rendered', 'x', 'x', null, 'file a.conf: deleted, no longer rendered'],
    [
      'no longer rendered but edited',
      'x',
      'edited',
      null,
      'file a.conf: kept, no longer rendered, but edited on the host',
    ],
  ])('%s', (_, last, here, desired, expected) => {
    expect(fileCase(last, here, desired)).toBe(expected);
  });

  it('names a mode that changed on the host', () => {
    const observed = observedTenant(
      { 'a.conf': 'x' },
      { applied: appliedView({ 'a.conf': 'x' }, { digest: 'sha256:new', imageTag: 'v2' }) },
    );
    const tenant = desiredTenant({ files: [entry('a.conf', 'x')] });
    const opened = { ...observed, files: [{ path: 'a.conf', sha256: entry('a.conf', 'x').sha256, mode: 0o666 }] };
    expect(plan(tenant, opened)).toContain('file a.conf: modified, drift (mode 0644 changed to 0666 on the host)');
  });

  it('leaves a registered tenant its .env, even one that was ours before', () => {
    const tenant = desiredTenant({ registered: true, files: [], released: ['.env'] });
    expect(
      plan(tenant, observedTenant({ '.env': 'ours' }, { applied: appliedView({ '.env': 'ours' }) })),
    ).not.toContain('.env');
  });
});

describe('a file that is written once', () => {
  const once = desiredTenant({ files: [entry('site.yml', 'template', { ownership: 'CreateOnly' })] });
  const record = (over = {}) => ({ ...appliedView({}, { digest: 'sha256:new', imageTag: 'v2', ...over }) });

  it('is created where there is none', () => {
    expect(plan(once, observedTenant({ 'site.yml': null }))).toContain('-> write site.yml once');
  });
  it("is the tenant's own once it is there", () => {
    expect(plan(once, observedTenant({ 'site.yml': 'edited' }, { applied: record() }))).toBe(
      "file site.yml: unchanged, the tenant's own",
    );
  });
  it('is not written again when the tenant has deleted it', () => {
    const files = [{ path: 'site.yml', sha256: 'x', mode: 0o644, createOnly: true }];
    expect(plan(once, observedTenant({ 'site.yml': null }, { applied: record({ files }) }))).toBe(
      "file site.yml: unchanged, the tenant's own",
    );
  });
  it('is never removed', () => {
    const files = [{ path: 'site.yml', sha256: entry('site.yml', 'template').sha256, mode: 0o644, createOnly: true }];
    expect(
      plan(desiredTenant({ files: [] }), observedTenant({ 'site.yml': 'template' }, { applied: record({ files }) })),
    ).not.toContain('site.yml');
  });
});

describe('an upgrade', () => {
  const applied = appliedView({ [COMPOSE]: 'compose v1', 'nginx.conf': 'n1' });
  const desired = desiredTenant({ files: [entry(COMPOSE, 'compose v2'), entry('nginx.conf', 'n2')] });
  const observed = observedTenant(
    { [COMPOSE]: 'compose v1', 'nginx.conf': 'n1' },
    {
      applied,
      services: [
        running('api'),
        running('db'),
        { ...running('migrate', { state: 'exited', exitCode: 0 }), recorded: { count: 1, completed: true } },
        running('nginx'),
        running('old'),
      ],
    },
  );
  const services = [
    forecast('api', { definition: 'update', previousImage: 'app/api:v1' }),
    forecast('db'),
    forecast('migrate', { oneShot: true }),
    forecast('nginx', { mounts: ['nginx.conf'] }),
    forecast('queue', { definition: 'new', previousImage: null }),
  ];

  it('says what happens to every file and container, why, and in which order', () => {
    expect(plan(desired, observed, inspection(services))).toBe(
      [
        'file docker-compose.yml: modified, update',
        'file nginx.conf: modified, update',
        'container api: recreate, image changed: v1 -> v2',
        'container db: none',
        'container migrate: start, a one-shot: every up runs it again',
        'container nginx: restart, nginx.conf changed',
        'container old: remove, no longer defined',
        'container queue: create, new service',
        '-> pull (update v1 -> v2)',
        '-> write docker-compose.yml (update)',
        '-> write nginx.conf (update)',
        '-> removeServices [old] (no longer defined)',
        '-> up [api,migrate,queue] (image changed: v1 -> v2; a one-shot: every up runs it again; new service)',
        '-> restart [nginx] (nginx.conf changed)',
        '-> verify (update v1 -> v2)',
        '-> record (update v1 -> v2)',
      ].join('\n'),
    );
  });

  it.each([
    ['reg:5000/app/api:v1', 'reg:5000/app/api:v2', 'image changed: v1 -> v2'],
    ['app/api:v1', 'app/server:v1', 'image changed: app/api:v1 -> app/server:v1'],
    ['app/api', 'app/api:v2', 'image changed: app/api -> app/api:v2'],
    ['reg:5000/api', 'reg:5001/api', 'image changed: reg:5000/api -> reg:5001/api'],
    ['app/api@sha256:1', 'app/api@sha256:2', 'image changed: app/api@sha256:1 -> app/api@sha256:2'],
  ])('names what changed of the image %s -> %s', (previousImage, image, expected) => {
    const text = plan(desired, observed, inspection([forecast('api', { definition: 'update', image, previousImage })]));
    expect(text).toContain(`container api: recreate, ${expected}\n`);
  });

  it('signals, in place, where the template says so', () => {
    const onChange = [{ path: 'nginx.conf', service: 'nginx', action: 'Signal:SIGHUP' as const }];
    const text = plan({ ...desired, onChange }, observed, inspection(services));
    expect(text).toContain('-> write nginx.conf in place (update)');
    expect(text).toContain('-> signal nginx SIGHUP (nginx.conf changed)');
  });

  it.each([
    ['None', 'container nginx: none'],
    ['Recreate', 'container nginx: recreate, nginx.conf changed'],
  ] as const)('does what onChange %s says', (action, expected) => {
    const onChange = [{ path: 'nginx.conf', service: 'nginx', action }];
    expect(plan({ ...desired, onChange }, observed, inspection(services))).toContain(expected);
  });

  it('disturbs nothing else when only a mounted file changed', () => {
    const same = observedTenant(
      { [COMPOSE]: 'compose v2', 'nginx.conf': 'n1' },
      {
        applied: appliedView({ [COMPOSE]: 'compose v2', 'nginx.conf': 'n1' }, { imageTag: 'v2' }),
        services: [running('api'), running('nginx')],
      },
    );
    expect(plan(desired, same, inspection([forecast('api'), forecast('nginx', { mounts: ['nginx.conf'] })]))).toBe(
      [
        'file docker-compose.yml: unchanged',
        'file nginx.conf: modified, update',
        'container api: none',
        'container nginx: restart, nginx.conf changed',
        '-> write nginx.conf (update)',
        '-> restart [nginx] (nginx.conf changed)',
        '-> verify (update)',
        '-> record (update)',
      ].join('\n'),
    );
  });

  it('tells of containers that follow another, of environments that changed, and of inline configs', () => {
    const text = plan(
      desired,
      observed,
      inspection([
        forecast('api', { definition: 'environment' }),
        forecast('db', { sharesWith: ['api'] }),
        forecast('nginx', { inlineChanged: true }),
      ]),
    );
    expect(text).toContain('container api: recreate, its .env or env_file changed since the last up');
    expect(text).toContain('container db: recreate, follows api, which is made anew');
    expect(text).toContain('container nginx: recreate, the content of a config or secret that it uses changed');
    expect(text).toContain('recreate=nginx');
  });

  it('leaves containers out of a preview of files only', () => {
    expect(planTenant({ desired, observed, inspection: inspection(null) }).containers).toBeNull();
  });

  it('records a tag that changes no file', () => {
    const same = observedTenant(
      { [COMPOSE]: 'compose v2' },
      { applied: appliedView({ [COMPOSE]: 'compose v2' }, { digest: 'sha256:new' }), services: [running('api')] },
    );
    expect(plan(desiredTenant(), same, inspection([forecast('api')]))).toBe(
      ['file docker-compose.yml: unchanged', 'container api: none', '-> record (update v1 -> v2)'].join('\n'),
    );
  });
});

describe('containers that are not as they were verified', () => {
  const applied = appliedView({ [COMPOSE]: 'compose v2' }, { digest: 'sha256:new', imageTag: 'v2' });
  const withService = (service: ObservedTenant['services'][number]) =>
    observedTenant({ [COMPOSE]: 'compose v2' }, { applied, services: [service] });

  it.each([
    ['exited', running('api', { state: 'exited', exitCode: 1 }), 'container api: start, exited with code 1'],
    ['gone', { ...running('api'), containers: [] }, 'container api: create, its container is gone'],
    ['unhealthy', running('api', { health: 'unhealthy' }), 'container api: restart, unhealthy'],
    ['paused', running('api', { state: 'paused' }), 'container api: recreate, paused'],
    [
      'of another image',
      running('api', { differs: ['image'] }),
      'container api: recreate, runs another image than the one verified',
    ],
    [
      'of another configuration',
      running('api', { differs: ['config'] }),
      'container api: recreate, made from another configuration than the one verified',
    ],
    [
      'too few',
      { ...running('api'), recorded: { count: 2, completed: false } },
      'container api: create, 1 of 2 containers',
    ],
  ])('%s', (_, service, expected) => {
    const observed = withService(service);
    expect(hasWork(desiredTenant(), observed)).toBe(true);
    const replicas = service.recorded?.count ?? 1;
    expect(plan(desiredTenant(), observed, inspection([forecast('api', { replicas })]))).toContain(expected);
  });

  it.each([
    [
      'a one-shot that ended well',
      { ...running('migrate', { state: 'exited', exitCode: 0 }), recorded: { count: 1, completed: true } },
    ],
    [
      'a one-shot whose container was pruned',
      { name: 'migrate', recorded: { count: 1, completed: true }, containers: [] },
    ],
    ['a service that is still starting', running('api', { health: 'starting' })],
    ["a container of the tenant's own", { ...running('adhoc', { state: 'exited', exitCode: 3 }), recorded: null }],
  ])('finds %s in order', (_, service) => {
    expect(hasWork(desiredTenant(), withService(service))).toBe(false);
    expect(
      planTenant({ desired: desiredTenant(), observed: withService(service), inspection: inspection(null) }).operations,
    ).toEqual([]);
  });
});

describe('unfinished work', () => {
  it('brings up files that were committed but never verified', () => {
    const observed = observedTenant(
      { [COMPOSE]: 'compose v2' },
      {
        applied: appliedView(
          { [COMPOSE]: 'compose v2' },
          { digest: 'sha256:new', imageTag: 'v2', outcome: 'committed' },
        ),
        services: [running('api', { state: 'created' })],
      },
    );
    expect(plan(desiredTenant(), observed, inspection([forecast('api')]))).toBe(
      [
        'file docker-compose.yml: unchanged',
        'container api: start, created but never started',
        '-> pull (the files were committed but never brought up and verified)',
        '-> up [api] (created but never started)',
        '-> verify (the files were committed but never brought up and verified)',
        '-> record (the files were committed but never brought up and verified)',
      ].join('\n'),
    );
  });

  describe('after a crash between the commit and the verified end', () => {
    const committed = (services: ObservedTenant['services']) =>
      observedTenant(
        { [COMPOSE]: 'compose v2' },
        {
          applied: appliedView(
            { [COMPOSE]: 'compose v2' },
            {
              digest: 'sha256:new',
              imageTag: 'v2',
              outcome: 'committed',
              unfinished: { files: ['nginx.conf', 'web.conf'], services: ['extra', 'nginx', 'web'] },
            },
          ),
          services,
        },
      );

    it('still does what the files that were committed ask for: their readers may have the old bytes', () => {
      const desired = desiredTenant({ onChange: [{ path: 'nginx.conf', service: 'nginx', action: 'Signal:SIGHUP' }] });
      const services = [forecast('nginx', { mounts: ['nginx.conf'] }), forecast('web', { mounts: ['web.conf'] })];
      const text = plan(desired, committed([running('nginx'), running('web')]), inspection(services));
      expect(text).toContain('container nginx: signal, nginx.conf changed\ncontainer web: restart, web.conf changed');
      expect(text).toContain('-> restart [web] (web.conf changed)\n-> signal nginx SIGHUP (nginx.conf changed)');
    });

    it('restarts what is unhealthy, which the next up would leave as it is', () => {
      const services = [running('adhoc', { health: 'unhealthy' }), running('web', { health: 'unhealthy' })];
      const text = plan(desiredTenant(), committed(services), inspection([forecast('web')]));
      expect(text).toContain('-> restart [web] (unhealthy)');
    });

    it('removes a service that only the unfinished upgrade had, and leaves the others alone', () => {
      const extra = { ...running('extra'), recorded: null };
      const adhoc = { ...running('adhoc'), recorded: null };
      const text = plan(desiredTenant(), committed([adhoc, extra, running('web')]), inspection([forecast('web')]));
      expect(text).toContain('-> removeServices [extra] (no longer defined)');
    });
  });

  it('is never in sync while a commit is interrupted', () => {
    const applied = appliedView({ [COMPOSE]: 'compose v2' }, { digest: 'sha256:new', imageTag: 'v2' });
    expect(hasWork(desiredTenant(), observedTenant({ [COMPOSE]: 'compose v2' }, { applied, interrupted: true }))).toBe(
      true,
    );
  });
});

describe('gates', () => {
  const observed = (over = {}) =>
    observedTenant({ [COMPOSE]: 'compose v1' }, { applied: appliedView({ [COMPOSE]: 'compose v1' }), ...over });
  const gateOf = (desired: DesiredTenant, seen: ObservedTenant, inspected = inspection([])) =>
    planTenant({ desired, observed: seen, inspection: inspected }).gate;

  it('waits while suspended', () => {
    expect(gateOf(desiredTenant({ suspend: true }), observed())).toMatchObject({ reason: 'Suspended', blocked: false });
  });
  it('waits for the holder of the lock, and names it', () => {
    const lockedBy = { pid: 4711, command: 'upgrade.sh', since: '' };
    expect(gateOf(desiredTenant(), observed({ lockedBy }))?.message).toBe(
      'another upgrade of it is running: upgrade.sh (pid 4711)',
    );
  });
  it('refuses what compose would refuse, and names the file to edit', () => {
    const inspected = inspection([], {
      envCoverage: { required: ['A'], missingInTenantEnv: [], blocking: ['A'], newlyNeeded: ['A'], suspect: [] },
    });
    expect(gateOf(desiredTenant(), observed(), inspected)).toMatchObject({
      reason: 'EnvCoverageBlocked',
      blocked: true,
      hint: 'set it in /srv/tenants/acme/.env',
    });
  });
  it('holds what was rolled back until desired state changes', () => {
    const applied = appliedView(
      { [COMPOSE]: 'compose v1' },
      { hold: { digest: 'sha256:new', imageTag: 'v2', at: '2026-01-02T00:00:00.000Z' } },
    );
    expect(gateOf(desiredTenant(), observed({ applied }))).toMatchObject({ reason: 'RolledBack', blocked: true });
    expect(gateOf(desiredTenant({ digest: 'sha256:newer' }), observed({ applied }))).toBeNull();
    expect(
      planTenant({ desired: desiredTenant(), observed: observed({ applied }), inspection: null, ignoreHold: true })
        .gate,
    ).toBeNull();
  });
  it('only reports drift where the policy says so, and still applies updates', () => {
    const applied = appliedView({ [COMPOSE]: 'compose v2' }, { digest: 'sha256:new', imageTag: 'v2' });
    const drifted = observedTenant({ [COMPOSE]: 'edited' }, { applied });
    expect(gateOf(desiredTenant({ driftPolicy: 'Report' }), drifted)).toMatchObject({
      reason: 'DriftReported',
      blocked: false,
    });
    expect(gateOf(desiredTenant({ driftPolicy: 'Report' }), observed())).toBeNull();
  });
  it('has nothing to hold back when there is nothing to do', () => {
    const applied = appliedView({ [COMPOSE]: 'compose v2' }, { digest: 'sha256:new', imageTag: 'v2' });
    expect(
      gateOf(desiredTenant({ suspend: true }), observedTenant({ [COMPOSE]: 'compose v2' }, { applied })),
    ).toBeNull();
  });
});

describe('a second stack', () => {
  it('is refused beside one that runs from the directory, with the project to set', () => {
    const observed = observedTenant({ [COMPOSE]: null }, { otherProjects: ['legacy'] });
    expect(() => plan(desiredTenant(), observed)).toThrow(
      'containers already run from /srv/tenants/acme as compose project "legacy"',
    );
  });
  it('is refused where the project name is taken elsewhere', () => {
    expect(() =>
      plan(desiredTenant(), observedTenant({ [COMPOSE]: null }, { otherDirectories: ['/srv/other'] })),
    ).toThrow('already runs from /srv/other');
  });
});
