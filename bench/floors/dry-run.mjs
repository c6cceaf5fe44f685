// The least that a preview of files can cost: every manifest parsed, every file rendered, read, hashed and compared, in one
// bare loop. Prints the diffs. `node dry-run.mjs MANIFESTS TEMPLATE TENANTS`
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import Mustache from 'mustache';
import { parse } from 'yaml';

const [manifests, template, tenants] = process.argv.slice(2);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const filesBelow = (directory) =>
  readdirSync(directory, { recursive: true }).filter((path) => statSync(join(directory, path)).isFile());

const documents = filesBelow(manifests).map((path) => parse(readFileSync(join(manifests, path), 'utf8')));
const fleets = new Map(
  documents.filter(({ kind }) => kind === 'Fleet').map(({ metadata, spec }) => [metadata.name, spec]),
);
const files = filesBelow(template).map((path) => ({
  path: path.replace(/\.mustache$/, ''),
  text: readFileSync(join(template, path), 'utf8'),
}));

const diffs = [];
for (const { kind, metadata, spec } of documents) {
  if (kind !== 'Instance') continue;
  const fleet = fleets.get(spec.fleet);
  const values = { ...fleet.values, ...spec.values };
  const view = { ...spec, slug: metadata.name, labels: metadata.labels, imageTag: fleet.imageTag, values };
  for (const { path, text } of files) {
    const rendered = Mustache.render(text, view, {}, { escape: String });
    const current = readFileSync(join(tenants, metadata.name, path));
    if (sha256(rendered) === sha256(current)) continue;
    diffs.push(createTwoFilesPatch(`a/${path}`, `b/${path}`, current.toString('utf8'), rendered));
  }
}
writeFileSync(1, `${diffs.join('')}${diffs.length} files differ\n`);
