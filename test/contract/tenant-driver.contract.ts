import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import type { DesiredHost } from '../../src/manifest/desired-state.js';
import type { Plan } from '../../src/plan/plan.js';
import { planDown } from '../../src/plan/plan-down.js';
import { listenTo } from '../agent/support/listening.js';
import { docker } from '../support/engine.js';
import { APP_COMPOSE, createFleet, type TestFleet } from '../support/fleet.js';
import { printPlan } from '../support/plan-fixtures.js';

/** What every TenantDriver does, asserted by files on disk, containers and plan text. Run on each adapter, on a real engine. */
export function tenantDriverContract(
  name: string,
  makeDriver: (host: DesiredHost, dir: string) => Promise<TenantDriver> | TenantDriver,
): void {
  describe(`${name}: a tenant's life`, () => {
    let fleet: TestFleet;
    let slug: string;
    beforeAll(() => {
      fleet = createFleet(makeDriver);
      slug = fleet.slug('life');
      fleet.writeInstance(slug, {});
    });
    afterAll(() => fleet.cleanUp());

    it('previews a new tenant and writes nothing', async () => {
      const item = await fleet.runOne(slug, { dryRun: true });
      expect(item.error).toBeNull();
      expect(item.result).toBe('changed');
      expect(printPlan(item.plan!)).toBe(
        [
          'file docker-compose.yml: created, new',
          'file web.conf: created, new',
          'container job: create, new service',
          'container web: create, new service',
          '-> pull (new)',
          '-> write docker-compose.yml (new)',
          '-> write web.conf (new)',
          '-> up [job,web] (new service)',
          '-> verify (new)',
          '-> record (new)',
        ].join('\n'),
      );
      expect(fleet.readTenant(slug, 'docker-compose.yml')).toBeNull();
      expect(await fleet.containers(slug)).toEqual([]);
    });

    it('brings it up as previewed, and has nothing to do afterwards', async () => {
      const item = await fleet.runOne(slug);
      expect(item.error).toBeNull();
      expect(item.result).toBe('converged');
      expect(item.applied).toMatchObject({ generation: 1, recreated: ['job', 'web'] });
      expect(fleet.readTenant(slug, 'web.conf')).toBe('tag v1.0.0\n');
      expect(await fleet.containers(slug)).toMatchObject([
        { service: 'job', tag: 'v1.0.0', state: 'exited' },
        { service: 'web', tag: 'v1.0.0', state: 'running' },
      ]);
      expect(await fleet.runOne(slug)).toMatchObject({ result: 'inSync', plan: { operations: [] } });
    });

    it('upgrades what the new tag changes, leaving tenant content alone', async () => {
      fleet.writeTenant(slug, { 'content/index.html': 'theirs', 'notes.txt': 'theirs' });
      fleet.writeInstance(slug, { imageTag: 'v1.1.0' });
      const preview = await fleet.runOne(slug, { dryRun: true });
      expect(preview.diffs.map(({ path }) => path)).toEqual(['docker-compose.yml', 'web.conf']);
      expect(preview.diffs[1]?.diff).toContain('-tag v1.0.0\n+tag v1.1.0');
      expect(preview.plan?.containers).toEqual([
        {
          service: 'job',
          action: 'recreate',
          cause: expect.stringMatching(/^image changed: .*v1\.0\.0 -> .*v1\.1\.0$/),
        },
        { service: 'web', action: 'recreate', cause: expect.stringMatching(/^image changed: /) },
      ]);
      const item = await fleet.runOne(slug);
      expect(item).toMatchObject({ result: 'converged', applied: { generation: 2 } });
      expect(item.plan).toEqual(preview.plan);
      expect((await fleet.containers(slug)).map(({ tag }) => tag)).toEqual(['v1.1.0', 'v1.1.0']);
      expect(fleet.readTenant(slug, 'content/index.html')).toBe('theirs');
      expect(fleet.readTenant(slug, 'notes.txt')).toBe('theirs');
      expect((await fleet.runOne(slug)).result).toBe('inSync');
    });

    it('heals an edited file, keeps a copy of the edit, and restarts what mounts it', async () => {
      const [, before] = await fleet.containers(slug);
      fleet.writeTenant(slug, { 'web.conf': 'edited by hand\n' });
      const item = await fleet.runOne(slug);
      expect(item.error).toBeNull();
      expect(item.plan?.files.find(({ path }) => path === 'web.conf')).toMatchObject({
        status: 'modified',
        cause: 'drift',
      });
      expect(item.applied).toMatchObject({ restarted: ['web'], recreated: [] });
      expect(fleet.readTenant(slug, 'web.conf')).toBe('tag v1.1.0\n');
      const [, after] = await fleet.containers(slug);
      expect(after).toMatchObject({ id: before?.id, state: 'running' });
      expect(await docker(['exec', after?.id ?? '', 'cat', '/etc/web.conf'])).toBe('tag v1.1.0');
      expect((await fleet.runOne(slug)).result).toBe('inSync');
    });

    it('starts a container that was killed', async () => {
      const web = (await fleet.containers(slug)).find(({ service }) => service === 'web');
      await docker(['kill', web?.id ?? '']);
      const item = await fleet.runOne(slug);
      expect(item.plan?.containers?.find(({ service }) => service === 'web')).toMatchObject({
        action: 'start',
        cause: 'exited with code 137',
      });
      expect(item.result).toBe('converged');
      expect((await fleet.containers(slug)).map(({ state }) => state)).toEqual(['exited', 'running']);
    });

    it('lists the kept file sets and rolls back to the one before, holding what was rolled back', async () => {
      const ref = { slug, project: slug, directory: slug };
      const driver = await makeDriver({ name: 'one', kind: 'local', root: fleet.root }, fleet.dir);
      try {
        expect(
          (await driver.generations(ref)).map(({ number, imageTag, live, outcome }) => ({
            number,
            imageTag,
            live,
            outcome,
          })),
        ).toEqual([
          { number: 2, imageTag: 'v1.1.0', live: true, outcome: 'verified' },
          { number: 1, imageTag: 'v1.0.0', live: false, outcome: 'verified' },
        ]);
        const timeouts = { pullMs: 60_000, upMs: 60_000, verifyMs: 20_000, settleMs: 500 };
        const { plan, generation } = await driver.planRollback({ ...ref, timeouts });
        expect(plan).toMatchObject({ imageTag: 'v1.0.0', fromImageTag: 'v1.1.0' });
        const applied = await fleet.runOne(slug, { dryRun: true });
        await driver.apply({
          plan,
          content: { generation },
          reconcileId: 'rollback',
          hold: { digest: applied.plan!.digest, imageTag: 'v1.1.0' },
        });
      } finally {
        await driver.close();
      }
      expect((await fleet.containers(slug)).map(({ tag }) => tag)).toEqual(['v1.0.0', 'v1.0.0']);
      expect(await fleet.runOne(slug)).toMatchObject({ result: 'waiting', plan: { gate: { reason: 'RolledBack' } } });
      expect(await fleet.runOne(slug, { ignoreHold: true })).toMatchObject({ result: 'converged' });
    });

    it('removes the containers of a service that is no longer defined, and no others', async () => {
      fleet.writeTemplate({
        'docker-compose.yml.mustache': APP_COMPOSE.slice(0, APP_COMPOSE.indexOf('  job:')),
        'web.conf.mustache': 'tag {{imageTag}}\n',
      });
      const item = await fleet.runOne(slug);
      expect(item.plan?.containers).toContainEqual({ service: 'job', action: 'remove', cause: 'no longer defined' });
      expect((await fleet.containers(slug)).map(({ service }) => service)).toEqual(['web']);
    });
  });

  describe(`${name}: what is refused leaves the tenant as it was`, () => {
    let fleet: TestFleet;
    let slug: string;
    beforeAll(async () => {
      fleet = createFleet(makeDriver);
      slug = fleet.slug('refuse');
      fleet.writeInstance(slug, {});
      expect((await fleet.runOne(slug)).result).toBe('converged');
    });
    afterAll(() => fleet.cleanUp());

    async function expectUntouched(work: () => Promise<unknown>): Promise<void> {
      const files = ['docker-compose.yml', 'web.conf'].map((path) => fleet.readTenant(slug, path));
      const containers = (await fleet.containers(slug)).map(({ id, state }) => ({ id, state }));
      await work();
      expect(['docker-compose.yml', 'web.conf'].map((path) => fleet.readTenant(slug, path))).toEqual(files);
      expect((await fleet.containers(slug)).map(({ id, state }) => ({ id, state }))).toEqual(containers);
    }

    it('a tag that the registry does not have', () =>
      expectUntouched(async () => {
        fleet.writeInstance(slug, { imageTag: 'v9.9.9' });
        const item = await fleet.runOne(slug);
        expect(item).toMatchObject({ result: 'failed', error: { code: 'ImageNotFound', phase: 'pull' } });
        expect(item.error?.message).toContain('v9.9.9');
      }));

    it('a compose file that compose refuses', () =>
      expectUntouched(async () => {
        fleet.writeInstance(slug, {});
        fleet.writeTemplate({
          'docker-compose.yml.mustache': `${APP_COMPOSE}    no_such_key: true\n`,
          'web.conf.mustache': 'tag {{imageTag}}\n',
        });
        const item = await fleet.runOne(slug);
        expect(item).toMatchObject({ result: 'failed', error: { code: 'ComposeInvalid' } });
        expect(item.error?.message).toContain('no_such_key');
      }));

    it('an upgrade that fails to come up goes back by itself where the manifest says so, and is held', async () => {
      fleet.writeInstance(slug, { rollback: 'OnFailure' });
      fleet.writeTemplate({
        'docker-compose.yml.mustache': APP_COMPOSE.replace('[serve]', '[crash]'),
        'web.conf.mustache': 'bad\n',
      });
      const item = await fleet.runOne(slug);
      expect(item).toMatchObject({
        result: 'failed',
        error: { code: 'VerifyFailed', hint: expect.stringContaining('rolled back to v1.0.0') },
      });
      expect(fleet.readTenant(slug, 'web.conf')).toBe('tag v1.0.0\n');
      expect((await fleet.containers(slug)).find(({ service }) => service === 'web')).toMatchObject({
        state: 'running',
      });
      expect(await fleet.runOne(slug)).toMatchObject({ result: 'waiting', plan: { gate: { reason: 'RolledBack' } } });
    });

    it('a required variable that the .env lacks, until it is there', async () => {
      const needy = APP_COMPOSE.replace('hello}"', 'hello}"\n      SMTP: "${SMTP_HOST:?set it}"');
      fleet.writeTemplate({ 'docker-compose.yml.mustache': needy, 'web.conf.mustache': 'tag {{imageTag}}\n' });
      await expectUntouched(async () => {
        const item = await fleet.runOne(slug);
        expect(item).toMatchObject({
          result: 'waiting',
          plan: {
            gate: { reason: 'EnvCoverageBlocked', blocked: true },
            envCoverage: { blocking: ['SMTP_HOST'], newlyNeeded: ['SMTP_HOST'] },
          },
        });
      });
      fleet.writeTenant(slug, { '.env': 'SMTP_HOST=mail.example.org\n' });
      expect((await fleet.runOne(slug)).result).toBe('converged');
      expect(fleet.readTenant(slug, '.env')).toBe('SMTP_HOST=mail.example.org\n');
    });
  });

  describe(`${name}: what happens on the host is told`, () => {
    let fleet: TestFleet;
    let slug: string;
    let driver: TenantDriver;
    beforeAll(async () => {
      fleet = createFleet(makeDriver);
      slug = fleet.slug('told');
      fleet.writeInstance(slug, {});
      expect((await fleet.runOne(slug)).result).toBe('converged');
      driver = await makeDriver({ name: 'one', kind: 'local', root: fleet.root }, fleet.dir);
    });
    afterAll(async () => {
      await driver?.close();
      await fleet.cleanUp();
    });

    it('first that all is to be looked at, then an edited file and a killed container', async () => {
      const listening = listenTo((options) => driver.events(options), 30_000);
      await listening.until('resync');
      await driver.observe([{ slug, project: slug, directory: slug, paths: ['docker-compose.yml'] }]);
      fleet.writeTenant(slug, { 'web.conf': 'edited by hand\n' });
      await listening.until(`file ${slug} web.conf`);
      const web = (await fleet.containers(slug)).find(({ service }) => service === 'web');
      await docker(['kill', web?.id ?? '']);
      await listening.until(`container ${slug} web die`);
    });
  });

  describe(`${name}: newer desired state`, () => {
    let fleet: TestFleet;
    let slug: string;
    let supersede: AbortController | null = null;
    beforeAll(async () => {
      fleet = createFleet(async (host, dir) => {
        const driver = await makeDriver(host, dir);
        const apply: TenantDriver['apply'] = (request, options) =>
          driver.apply(request, {
            ...options,
            ...(supersede && { supersede: supersede.signal }),
            onProgress: ({ phase, message }) => phase === 'verify' && message !== undefined && supersede?.abort(),
          });
        return { ...driver, apply };
      });
      slug = fleet.slug('newer');
      fleet.writeInstance(slug, { timeouts: { verify: '10m' } });
      expect((await fleet.runOne(slug)).result).toBe('converged');
    });
    afterAll(() => fleet.cleanUp());

    it('ends the wait for a service that never becomes healthy, which is no failure, and is applied then', async () => {
      fleet.writeTemplate({
        'docker-compose.yml.mustache': APP_COMPOSE.replace(
          '/bin/healthy], interval: 1s, retries: 2',
          '/none], retries: 99',
        ),
        'web.conf.mustache': 'tag {{imageTag}}\n',
      });
      supersede = new AbortController();
      const item = await fleet.runOne(slug);
      supersede = null;
      expect(item).toMatchObject({ result: 'failed', error: { code: 'Superseded', phase: 'verify' } });
      expect(fleet.readTenant(slug, 'docker-compose.yml')).toContain('/none');
      const driver = await makeDriver({ name: 'one', kind: 'local', root: fleet.root }, fleet.dir);
      try {
        const ref = { slug, project: slug, directory: slug };
        const [observed] = await driver.observe([{ ...ref, paths: [] }]);
        expect(observed).toMatchObject({ applied: { generation: 2, outcome: 'committed' }, lastFailure: null });
        expect(await driver.generations(ref)).toMatchObject([{ outcome: 'committed' }, { outcome: 'verified' }]);
      } finally {
        await driver.close();
      }
      fleet.writeTemplate({
        'docker-compose.yml.mustache': APP_COMPOSE,
        'web.conf.mustache': 'tag {{imageTag}}\n',
      });
      fleet.writeInstance(slug, { imageTag: 'v1.1.0' });
      expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged', applied: { generation: 3 } });
      expect((await fleet.runOne(slug)).result).toBe('inSync');
    });
  });

  describe(`${name}: an instance that is to go`, () => {
    let fleet: TestFleet;
    let slug: string;
    let driver: TenantDriver;
    beforeAll(async () => {
      fleet = createFleet(makeDriver);
      slug = fleet.slug('down');
      fleet.writeTemplate({
        'docker-compose.yml.mustache': `${APP_COMPOSE.replace('- ./content', '- data:/data\n      - ./content')}volumes: { data: {} }\n`,
        'web.conf.mustache': 'tag {{imageTag}}\n',
      });
      fleet.writeInstance(slug, {});
      fleet.writeTenant(slug, { '.env': 'GREETING=hi\n', 'content/index.html': 'theirs' });
      expect((await fleet.runOne(slug)).result).toBe('converged');
      driver = await makeDriver({ name: 'one', kind: 'local', root: fleet.root }, fleet.dir);
    });
    afterAll(async () => {
      await driver?.close();
      await fleet.cleanUp();
    });

    async function plan(): Promise<Plan> {
      const ref = { slug, project: slug, directory: slug };
      const [observed] = await driver.observe([{ ...ref, paths: [] }]);
      const timeouts = { pullMs: 60_000, upMs: 60_000, verifyMs: 20_000, settleMs: 500 };
      return planDown({ ...ref, host: 'one', timeouts, revision: 'r2' }, observed!);
    }
    const list = (what: 'network' | 'volume') =>
      docker([what, 'ls', '--format', '{{.Name}}', '--filter', `label=com.docker.compose.project=${slug}`]);

    it('loses its containers and networks; files, volumes and .env stay; and there is nothing more to do', async () => {
      const before = ['docker-compose.yml', 'web.conf', '.env', 'content/index.html'].map((path) =>
        fleet.readTenant(slug, path),
      );
      expect(await list('network')).toBe(`${slug}_default`);
      const first = await plan();
      expect(first.operations).toEqual([{ kind: 'down', services: ['job', 'web'], cause: 'its manifest was removed' }]);
      await driver.apply({ plan: first, content: { files: [] }, reconcileId: 'down' });
      expect(await fleet.containers(slug)).toEqual([]);
      expect(await list('network')).toBe('');
      expect(await list('volume')).toBe(`${slug}_data`);
      expect(
        ['docker-compose.yml', 'web.conf', '.env', 'content/index.html'].map((path) => fleet.readTenant(slug, path)),
      ).toEqual(before);
      expect(before).not.toContain(null);
      expect((await plan()).operations).toEqual([]);
      // A second time, by a plan of before: it is carried out, and there is nothing to be done.
      await driver.apply({ plan: first, content: { files: [] }, reconcileId: 'down-again' });
    });

    it('is brought up again when its manifest returns', async () => {
      expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged', applied: { generation: 1 } });
      expect((await fleet.containers(slug)).map(({ service }) => service)).toEqual(['job', 'web']);
    });
  });
}
