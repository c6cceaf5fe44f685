import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptSnapshot, type KnownInstance } from '../../../src/controller/watch/accept-snapshot.js';
import { findShrink } from '../../../src/controller/watch/shrink-guard.js';
import { readManifests } from '../../../src/manifest/read-manifests.js';
import { resolveManifests } from '../../../src/manifest/resolve.js';
import { buildTemplate } from '../../../src/render/build-template.js';
import type { Template } from '../../../src/render/template.js';
import type { Snapshot } from '../../../src/source/source.js';

const HOST =
  'apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: east }\nspec: { agent: "https://east.example.org" }\n';
const instance = (slug: string, tag: string) =>
  `apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: ${slug} }\nspec: { host: east, template: web, imageTag: "${tag}" }\n`;

function template(text: string): Template {
  const { template: built, problems } = buildTemplate({
    name: 'web',
    manifest: {
      file: 'templates/web/template.yaml',
      text: 'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: web }\nspec: { compose: docker-compose.yml }\n',
    },
    files: [
      {
        path: 'docker-compose.yml.mustache',
        source: 'docker-compose.yml.mustache',
        bytes: Buffer.from(text),
        executable: false,
      },
    ],
    partials: new Map(),
  });
  if (!built) throw new Error(JSON.stringify(problems));
  return built;
}

const WEB = template('services: { web: { image: "web:{{imageTag}}" } }\n');

/** One document a file, named for its slug. */
function snapshot(revision: string, texts: ReadonlyMap<string, string>, web = WEB): Snapshot {
  const read = [...texts].map(([slug, text]) => readManifests(`${slug}.yaml`, text));
  const { findings, ...resolution } = resolveManifests({
    documents: read.flatMap(({ documents }) => documents),
    broken: read.flatMap(({ broken }) => broken),
    templates: new Set(['web']),
    base: '/',
  });
  expect(findings).toEqual([]);
  return {
    revision,
    author: 'somebody',
    desired: { revision, ...resolution, problems: read.flatMap(({ problems }) => problems), unreadable: [] },
    templates: { get: () => web, use: () => web, names: ['web'], problems: [] },
  };
}

/** What is known after an acceptance. */
function knownAfter(before: ReadonlyMap<string, KnownInstance>, accepted: Awaited<ReturnType<typeof acceptSnapshot>>) {
  const known = new Map<string, KnownInstance>();
  for (const [slug, entry] of accepted.entries)
    known.set(slug, { digest: entry.digest, revision: entry.tenant.revision, author: entry.author, entry });
  for (const slug of accepted.held.keys())
    if (!known.has(slug)) known.set(slug, before.get(slug) ?? { digest: '', revision: '', author: null, entry: null });
  return known;
}

const SLUGS = ['acme', 'birch', 'cedar', 'dune'];
const fleetArb = fc.dictionary(fc.constantFrom(...SLUGS), fc.constantFrom('v1', 'v2', 'not a tag'), {
  noNullPrototype: true,
});
const textsOf = (fleet: Record<string, string>) =>
  new Map([['hosts', HOST], ...Object.entries(fleet).map(([slug, tag]) => [slug, instance(slug, tag)] as const)]);

describe('accepting a revision', () => {
  it('changes exactly those of which something else is desired, removes exactly those that are gone, and holds the broken', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fleetArb, { minLength: 1, maxLength: 6 }), async (fleets) => {
        let known = new Map<string, KnownInstance>();
        const lastGood = new Map<string, string>();
        for (const [at, fleet] of fleets.entries()) {
          const accepted = await acceptSnapshot(known, snapshot(`r${at}`, textsOf(fleet)));
          const good = Object.entries(fleet).filter(([, tag]) => tag !== 'not a tag');
          const changed = good.filter(([slug, tag]) => lastGood.get(slug) !== tag).map(([slug]) => slug);
          expect(accepted.changed).toEqual(changed.sort());
          expect(accepted.removed).toEqual([...known.keys()].filter((slug) => !(slug in fleet)).sort());
          expect([...accepted.held.keys()].sort()).toEqual(
            Object.keys(fleet)
              .filter((slug) => fleet[slug] === 'not a tag')
              .sort(),
          );
          for (const slug of accepted.removed) lastGood.delete(slug);
          for (const [slug, tag] of good) lastGood.set(slug, tag);
          for (const [slug, tag] of lastGood) expect(accepted.entries.get(slug)?.instance.imageTag).toBe(tag);
          expect(accepted.entries.size).toBe(lastGood.size);
          known = knownAfter(known, accepted);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the revision that last changed an instance', async () => {
    const first = await acceptSnapshot(new Map(), snapshot('r1', textsOf({ acme: 'v1', birch: 'v1' })));
    const second = await acceptSnapshot(
      knownAfter(new Map(), first),
      snapshot('r2', textsOf({ acme: 'v1', birch: 'v2' })),
    );
    expect(second.entries.get('acme')?.tenant.revision).toBe('r1');
    expect(second.entries.get('birch')?.tenant.revision).toBe('r2');
  });

  it('finds what changed while no process ran, by what an earlier one remembered', async () => {
    const first = await acceptSnapshot(new Map(), snapshot('r1', textsOf({ acme: 'v1', birch: 'v1' })));
    const remembered = new Map(
      [...first.entries].map(([slug, { digest, tenant }]) => [
        slug,
        { digest, revision: tenant.revision, author: 'who it was then', entry: null },
      ]),
    );
    const second = await acceptSnapshot(remembered, snapshot('r2', textsOf({ acme: 'v1', birch: 'v2' })));
    expect(second.changed).toEqual(['birch']);
    expect(second.entries.get('acme')).toMatchObject({ tenant: { revision: 'r1' }, author: 'who it was then' });
    expect(second.entries.get('birch')).toMatchObject({ tenant: { revision: 'r2' }, author: 'somebody' });
  });

  it('wakes nobody for a template that renders to the same', async () => {
    const first = await acceptSnapshot(new Map(), snapshot('r1', textsOf({ acme: 'v1' })));
    const other = template('{{! only a remark }}services: { web: { image: "web:{{imageTag}}" } }\n');
    expect(other.digest).not.toBe(WEB.digest);
    const second = await acceptSnapshot(knownAfter(new Map(), first), snapshot('r2', textsOf({ acme: 'v1' }), other));
    expect(second.changed).toEqual([]);
  });
});

describe('a source that shrinks', () => {
  it.each([
    { before: 10, removed: 0, shrinkTo: 0.5, refused: false },
    { before: 10, removed: 5, shrinkTo: 0.5, refused: false },
    { before: 10, removed: 6, shrinkTo: 0.5, refused: true },
    { before: 1, removed: 1, shrinkTo: 0, refused: true },
    { before: 10, removed: 9, shrinkTo: 0, refused: false },
    { before: 0, removed: 0, shrinkTo: 0.5, refused: false },
  ])('of $before loses $removed, with $shrinkTo to be left: refused $refused', ({ refused, ...shrink }) => {
    expect(findShrink(shrink) !== null).toBe(refused);
  });
});
