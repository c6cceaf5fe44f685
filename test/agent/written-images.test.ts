import { expect, it } from 'vitest';
import { quotableImages, writtenImages } from '../../src/agent/compose/written-images.js';
import { temporaryDirectory, writeTree } from './support/tenant-tree.js';

const rendered = (path: string, text: string, sensitive = false) => ({
  path,
  sha256: '',
  mode: 0o644,
  size: text.length,
  sensitive,
  ownership: 'Managed' as const,
  content: Buffer.from(text),
});

const TENANT = { compose: ['a.yml', 'b.yml'], tenantCompose: ['own.yml'] };
const FILES = [
  rendered('a.yml', 'services: { web: { image: "web:${TAG}" }, api: { image: "api:${TAG}" }, built: { build: . } }'),
  rendered('b.yml', 'services: { job: { image: "job:s3cret" } }', true),
];

it('gives images as they are written, the last file first', () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, { 'a.yml': 'services: { web: { image: old } }', 'own.yml': 'services: { api: { image: own } }' });
  expect([...writtenImages(TENANT, tenant, FILES)]).toEqual([
    ['web', 'web:${TAG}'],
    ['api', 'own'],
    ['job', 'job:s3cret'],
  ]);
  expect([...writtenImages(TENANT, tenant)]).toEqual([
    ['web', 'old'],
    ['api', 'own'],
  ]);
});

it("quotes none from a tenant's own file, nor from a sensitive one", () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, { 'own.yml': 'services: { api: { image: "${X:-s3cret}" } }' });
  expect([...quotableImages(TENANT, tenant, FILES)]).toEqual([['web', 'web:${TAG}']]);
});
