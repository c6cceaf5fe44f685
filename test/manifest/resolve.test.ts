import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDesiredState } from '../../src/manifest/load.js';
import { BASE, directoryOf, instance, load, show } from './support.js';

test('an instance takes over what its fleet says, and its own wins', async () => {
  const fleet = `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: beta }
spec:
  template: changemaker
  imageTag: v1
  values: { smtp: { host: mail, port: 25 }, list: [1, 2], gone: x }
  driftPolicy: Report
  rollback: OnFailure
  timeouts: { pull: 1h30m, settle: 0s }
`;
  const own = `apiVersion: flotilla.dev/v1
kind: Instance
metadata: { name: acme, labels: { tier: gold } }
spec:
  fleet: beta
  host: south
  imageTag: v2
  values: { smtp: { port: 587 }, list: [3], gone: null }
  directory: customers/acme
  project: acme_prod
  registered: true
  suspend: true
  driftPolicy: Heal
  timeouts: { up: 90s }
`;
  const state = await load({
    'fleet.yaml': fleet,
    'instances.yaml': `${own}---\n${instance('zeta', 'fleet: beta, host: north')}`,
  });
  expect(state.problems).toEqual([]);
  expect(state.instances.map(({ source: _, ...rest }) => rest)).toEqual([
    {
      slug: 'acme',
      project: 'acme_prod',
      directory: 'customers/acme',
      host: 'south',
      fleet: 'beta',
      template: 'changemaker',
      imageTag: 'v2',
      values: { smtp: { host: 'mail', port: 587 }, list: [3], gone: null },
      labels: { tier: 'gold' },
      registered: true,
      suspend: true,
      driftPolicy: 'Heal',
      rollback: 'OnFailure',
      deletionPolicy: 'Orphan',
      maintenance: null,
      timeouts: { pullMs: 5_400_000, upMs: 90_000, verifyMs: 180_000, settleMs: 0 },
    },
    {
      slug: 'zeta',
      project: 'zeta',
      directory: 'zeta',
      host: 'north',
      fleet: 'beta',
      template: 'changemaker',
      imageTag: 'v1',
      values: { smtp: { host: 'mail', port: 25 }, list: [1, 2], gone: 'x' },
      labels: {},
      registered: false,
      suspend: false,
      driftPolicy: 'Report',
      rollback: 'OnFailure',
      deletionPolicy: 'Orphan',
      maintenance: null,
      timeouts: { pullMs: 5_400_000, upMs: 300_000, verifyMs: 180_000, settleMs: 0 },
    },
  ]);
});

test('hosts are agents or directories beside the file that says so', async () => {
  const root = await directoryOf({
    'templates/t/template.yaml': '',
    'manifests/hosts/a.yaml': BASE.split('---\n').slice(1).join('---\n'),
  });
  const state = await loadDesiredState({ manifests: join(root, 'manifests'), templates: join(root, 'templates') });
  expect([...state.hosts.values()]).toEqual([
    { name: 'north', kind: 'agent', url: 'https://north.example.org:7443' },
    { name: 'south', kind: 'local', root: join(root, 'manifests/tenants') },
  ]);
});

test('an instance without a fleet says all itself', async () => {
  const state = await load({
    'a.yaml': instance('acme', 'host: north, template: changemaker, imageTag: v3'),
    'b.yaml': instance('beta', 'host: north'),
  });
  expect(state.instances.map(({ slug, fleet, imageTag }) => [slug, fleet, imageTag])).toEqual([['acme', null, 'v3']]);
  expect(state.problems.map(show)).toEqual([
    'b.yaml:4:1: spec.template is missing: expected it here: the instance has no fleet\nspec: { host: north }\n^',
    'b.yaml:4:1: spec.imageTag is missing: expected it here: the instance has no fleet\nspec: { host: north }\n^',
  ]);
});

test('a slug that two take is used for neither, and both places are named', async () => {
  const state = await load({ 'a.yaml': instance('acme'), 'b.yaml': `${instance('beta')}---\n${instance('acme')}` });
  expect(state.instances.map(({ slug }) => slug)).toEqual(['beta']);
  expect(state.brokenSlugs).toEqual(['acme']);
  expect(state.problems.map(show)).toEqual([
    `a.yaml:3:19: instance acme is declared more than once: also at b.yaml:6
metadata: { name: acme }
                  ^
(keep one of them; until then none of them is used)`,
    `b.yaml:8:19: instance acme is declared more than once: also at a.yaml:1
metadata: { name: acme }
                  ^
(keep one of them; until then none of them is used)`,
  ]);
});

test('instances of a fleet with a problem wait for it; others do not', async () => {
  const fleet = 'apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: { name: bad }\nspec: { template: nope }\n';
  const state = await load({
    'a.yaml': `${instance('acme', 'fleet: bad, host: north')}---\n${instance('beta')}`,
    'fleet.yaml': fleet,
  });
  expect(state.instances.map(({ slug }) => slug)).toEqual(['beta']);
  expect(state.brokenSlugs).toEqual(['acme']);
  expect(state.problems.map(show)).toEqual([
    `fleet.yaml:3:19: fleet bad cannot be used until its own problems are mended; 1 instance needs it: acme
metadata: { name: bad }
                  ^`,
    `fleet.yaml:4:19: template nope is not there: expected a folder of that name with a template.yaml
spec: { template: nope }
                  ^
(known templates: changemaker)`,
  ]);
});

test('instances that share a project or directory, or nest, are refused on both sides', async () => {
  const on = (host: string, more: string) => `fleet: production, host: ${host}, ${more}`;
  const state = await load({
    'a.yaml': instance('a', on('north', 'project: shared')),
    'b.yaml': instance('b', on('north', 'project: shared')),
    'c.yaml': instance('c', on('south', 'project: shared')),
    'd.yaml': instance('d', on('north', 'directory: x')),
    'e.yaml': instance('e', on('north', 'directory: x/y/z')),
    'f.yaml': instance('f', on('south', 'directory: x')),
    'g.yaml': instance('g', on('north', 'directory: h')),
    'h.yaml': instance('h'),
  });
  expect(state.instances.map(({ slug }) => slug)).toEqual(['c', 'f']);
  expect(state.brokenSlugs).toEqual(['a', 'b', 'd', 'e', 'g', 'h']);
  expect(state.problems.map((problem) => show(problem).split('\n')[0])).toEqual([
    'a.yaml:4:50: project shared on host north is also that of b (b.yaml:1)',
    'b.yaml:4:50: project shared on host north is also that of a (a.yaml:1)',
    'd.yaml:4:52: directory x on host north contains that of e (e.yaml:1)',
    'e.yaml:4:52: directory x/y/z on host north is inside that of d (d.yaml:1)',
    'g.yaml:4:52: directory h on host north is also that of h (h.yaml:1)',
    'h.yaml:3:19: directory h on host north is also that of g (g.yaml:1)',
  ]);
});

test('two hosts at one address are refused, and what is on them waits', async () => {
  const twin =
    'apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: twin }\nspec: { agent: "https://NORTH.example.org:7443/" }\n';
  const state = await load({ 'twin.yaml': twin, 'acme.yaml': instance('acme') });
  expect(state.problems.map((problem) => show(problem).split('\n')[0])).toEqual([
    'base.yaml:8:19: host north cannot be used until its own problems are mended; 1 instance needs it: acme',
    'base.yaml:9:16: host north has the same address as twin (twin.yaml:1)',
    'twin.yaml:4:16: host twin has the same address as north (base.yaml:6)',
  ]);
  expect([...state.hosts.keys()]).toEqual(['south']);
});

test('a mangled manifest is broken, never gone', async () => {
  const state = await load({
    'a.yaml': 'kind: Instnce\nmetadata: { name: acme }\n',
    'b.yaml': 'metadata:\n  name: beta\n\tx: 1\n',
  });
  expect(state.brokenSlugs).toEqual(['acme', 'beta']);
});
