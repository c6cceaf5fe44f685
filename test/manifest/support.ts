import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Problem } from '../../src/errors.js';
import type { DesiredState } from '../../src/manifest/desired-state.js';
import { loadDesiredState } from '../../src/manifest/load.js';

/** A directory with `files` by relative path, removed after the test. */
export async function directoryOf(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'flotilla-manifests-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

/** A fleet, two hosts and a template: what the instances of most tests refer to. */
export const BASE = `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: production }
spec: { template: changemaker, imageTag: v1 }
---
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: north }
spec: { agent: "https://north.example.org:7443" }
---
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: south }
spec: { local: ../tenants }
`;

/** Loads `files` of a manifests directory beside BASE and one template; problems name paths from the directory on. */
export async function load(files: Readonly<Record<string, string | Buffer>>): Promise<DesiredState> {
  const inManifests = Object.entries(files).map(([path, content]) => [`manifests/${path}`, content]);
  const root = await directoryOf({
    'templates/changemaker/template.yaml': '',
    'manifests/base.yaml': BASE,
    ...Object.fromEntries(inManifests),
  });
  const state = await loadDesiredState({ manifests: join(root, 'manifests'), templates: join(root, 'templates') });
  const relative = (file: string) => file.replaceAll(`${root}/manifests/`, '');
  const problems = state.problems.map((problem) => ({
    ...problem,
    file: relative(problem.file),
    message: relative(problem.message),
  }));
  return { ...state, problems };
}

/** A problem as a person sees it. */
export function show({ file, line, column, message, excerpt, hint }: Problem): string {
  const head = `${[file, line, column].filter((part) => part !== undefined).join(':')}: ${message}`;
  return [head, ...(excerpt === undefined ? [] : [excerpt]), ...(hint === undefined ? [] : [`(${hint})`])].join('\n');
}

export function instance(name: string, spec = 'fleet: production, host: north'): string {
  return `apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
}
