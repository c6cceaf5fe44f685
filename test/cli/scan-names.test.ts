import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { scanNames } from '../../src/cli/scan-names.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-names-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('finds names in flow and block style, in JSON, in folders and beside broken documents', () => {
  mkdirSync(join(directory, 'deep'));
  writeFileSync(
    join(directory, 'a.yaml'),
    'kind: Instance\nmetadata: { labels: { tier: gold }, name: acme }\nspec: { imageTag: v1 }\n---\nkind: Host\nmetadata:\n  name: here # note\n---\n\tbroken: [\n',
  );
  writeFileSync(
    join(directory, 'deep/b.yml'),
    'kind: Instance\nmetadata:\n  labels:\n    tier: gold\n  name: "beta"\nspec:\n  imageTag: "v2.0"\n---\nkind: Fleet\nmetadata: { name: prod }\n',
  );
  writeFileSync(
    join(directory, 'c.json'),
    '{"kind": "Instance", "metadata": {"name": "coop"}, "spec": {"imageTag": "v1"}}',
  );
  writeFileSync(join(directory, 'notes.txt'), 'kind: Instance\nmetadata: { name: no }\n');
  expect(scanNames(directory)).toEqual({
    instances: ['acme', 'beta', 'coop'],
    hosts: ['here'],
    fleets: ['prod'],
    tags: ['v2.0', 'v1'],
  });
});

it('finds nothing where there is no directory', () => {
  expect(scanNames('/nonexistent').instances).toEqual([]);
});
