import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseDotenv } from '../../src/compose/dotenv.js';
import { coverEnv } from '../../src/compose/env-coverage.js';
import { loadDesiredState } from '../../src/manifest/load.js';
import { loadTemplates } from '../../src/render/load-template.js';
import { renderInstance } from '../../src/render/render.js';
import { textOf } from './support.js';

const RELEASE = 'scripts/demo/release-v1.1.0/templates';
const upgraded = mkdtempSync(join(tmpdir(), 'templates-'));
cpSync('templates', upgraded, { recursive: true });
cpSync(RELEASE, upgraded, { recursive: true });
afterAll(() => rmSync(upgraded, { recursive: true, force: true }));

async function load(templates: string) {
  const desired = await loadDesiredState({ manifests: 'manifests', templates });
  const store = await loadTemplates(templates);
  const render = (slug: string) => {
    const instance = desired.instances.find((candidate) => candidate.slug === slug);
    const template = instance && store.get(instance.template);
    if (!template) throw new Error(`${slug} has no template`);
    return renderInstance(template, instance);
  };
  return { desired, store, render };
}

describe('the sample fleet', () => {
  it('is valid, and renders for every instance, before and after its next release', async () => {
    for (const templates of ['templates', upgraded]) {
      const { desired, store, render } = await load(templates);
      expect([desired.problems, store.problems]).toEqual([[], []]);
      expect(desired.instances.map(({ slug }) => slug)).toEqual(['acme', 'birch', 'cedar', 'dune', 'elm']);
      for (const { slug } of desired.instances) expect(render(slug).files.length).toBeGreaterThan(1);
    }
  });

  it('has two hosts with agents and one without, a registered tenant, one with its own tag, a suspended one, and two templates', async () => {
    const { desired } = await load('templates');
    const { instances } = desired;
    const hosts = [...desired.hosts.values()].map(({ name, kind }) => `${name} ${kind}`);
    expect(hosts.sort()).toEqual(['calgary-1 agent', 'edmonton-1 agent', 'victoria-1 local']);
    expect(instances.filter(({ registered }) => registered).map(({ slug }) => slug)).toEqual(['cedar']);
    expect(instances.filter(({ suspend }) => suspend).map(({ slug }) => slug)).toEqual(['dune']);
    expect([...new Set(instances.map(({ template }) => template))]).toEqual(['changemaker', 'static-site']);
    expect(readFileSync('manifests/instances/birch.yaml', 'utf8')).toContain('imageTag:');
  });

  it('renders what it should for a tenant of ours and for a registered one', async () => {
    const { render } = await load('templates');
    const entries = ({ files, released }: ReturnType<typeof render>) => [
      ...files.map(
        ({ path, mode, sensitive, ownership }) =>
          `${path} ${mode.toString(8)} ${ownership}${sensitive ? ' sensitive' : ''}`,
      ),
      ...released.map((path) => `${path} released`),
    ];
    const rest = [
      'configs/site.yml 644 CreateOnly',
      'docker-compose.yml 644 Managed',
      'nginx/conf.d/site.conf 644 Managed',
      'nginx/nginx.conf 644 Managed',
    ];
    expect(entries(render('acme'))).toEqual(['.env 600 Managed sensitive', ...rest]);
    expect(entries(render('cedar'))).toEqual([...rest, '.env released']);
  });

  it('needs nothing that our tenants lack, and SMTP_HOST from the next release on', async () => {
    const coverage = async (templates: string, slug: string, env: string | undefined) => {
      const { render } = await load(templates);
      const fileSet = render(slug);
      const [file] = fileSet.files.filter(({ path }) => path === 'docker-compose.yml');
      const next = { path: 'docker-compose.yml', text: `${file?.content}`, document: file?.document };
      const dotenv = parseDotenv(env ?? textOf(fileSet, '.env'));
      if ('error' in dotenv) throw new Error('the .env is not valid');
      const files = { files: [next], read: () => undefined };
      return coverEnv({ next: files, current: undefined, env: dotenv, evaluation: 'eager' });
    };
    const none = { missingInTenantEnv: [], blocking: [], problems: [] };
    expect(await coverage('templates', 'acme', undefined)).toMatchObject(none);
    expect(await coverage(upgraded, 'acme', undefined)).toMatchObject({ ...none, required: ['DOMAIN', 'SMTP_HOST'] });
    expect(await coverage('templates', 'cedar', 'DOMAIN=x\n')).toMatchObject(none);
    expect(await coverage(upgraded, 'cedar', 'DOMAIN=x\n')).toMatchObject({ ...none, blocking: ['SMTP_HOST'] });
  });

  it('holds no secret', () => {
    for (const path of readdirSync('manifests', { recursive: true, withFileTypes: true })) {
      if (!path.isFile()) continue;
      expect(readFileSync(join(path.parentPath, path.name), 'utf8')).not.toMatch(/password|secret|token|key:/i);
    }
  });
});
