import type { Problem } from '../../src/errors.js';
import { FlotillaError } from '../../src/errors.js';
import type { DesiredInstance } from '../../src/manifest/desired-state.js';
import { buildTemplate } from '../../src/render/build-template.js';
import type { FileSet } from '../../src/render/file-set.js';
import { renderInstance } from '../../src/render/render.js';
import type { Template } from '../../src/render/template.js';

/** Every template needs a compose file; most tests are about another. */
const COMPOSE = { 'files/docker-compose.yml': 'services: {}\n' };

/** Files by path under the template's folder: `files/...`, `partials/...`. */
export type Folder = Readonly<Record<string, string | Buffer>>;

/** What building a template from texts gives; `spec` is YAML lines under `spec:`. */
export function tryTemplate(folder: Folder, spec = 'compose: docker-compose.yml', executable: readonly string[] = []) {
  const text = `apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: shop }\nspec:\n${spec.replace(/^/gm, '  ')}\n`;
  const hasCompose = Object.keys(folder).some((path) => path.startsWith('files/docker-compose.yml'));
  const under = (prefix: string) =>
    Object.entries({ ...(hasCompose ? {} : COMPOSE), ...folder })
      .filter(([path]) => path.startsWith(prefix))
      .map(([path, content]) => ({ path: path.slice(prefix.length), source: `shop/${path}`, content }));
  return buildTemplate({
    name: 'shop',
    manifest: { file: 'shop/template.yaml', text },
    files: under('files/').map(({ path, source, content }) => ({
      path,
      source,
      bytes: Buffer.from(content),
      executable: executable.includes(path),
    })),
    partials: new Map(
      under('partials/').map(({ path, source, content }) => [
        path.replace(/\.mustache$/, ''),
        { file: source, text: String(content) },
      ]),
    ),
  });
}

export function makeTemplate(folder: Folder, spec?: string, executable?: readonly string[]): Template {
  const { template, problems } = tryTemplate(folder, spec, executable);
  if (!template) throw new Error(problems.map(show).join('\n'));
  return template;
}

export function makeInstance(overrides: Partial<DesiredInstance> = {}): DesiredInstance {
  return {
    slug: 'acme',
    project: 'acme',
    directory: 'acme',
    host: 'edmonton-1',
    fleet: 'production',
    template: 'shop',
    imageTag: 'v1.2.3',
    values: {},
    labels: {},
    registered: false,
    suspend: false,
    driftPolicy: 'Heal',
    rollback: 'Manual',
    deletionPolicy: 'Orphan',
    maintenance: null,
    timeouts: { pullMs: 1, upMs: 1, verifyMs: 1, settleMs: 1 },
    source: { file: 'manifests/acme.yaml', line: 1 },
    ...overrides,
  };
}

/** A problem as a person sees it: `file:line:column: message [hint]`. */
export function show({ file, line, column, message, hint }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return `${place}: ${message}${hint === undefined ? '' : ` [${hint}]`}`;
}

/** The text of one rendered file. */
export function textOf(fileSet: FileSet, path: string): string {
  const file = fileSet.files.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`${path} is not rendered`);
  return file.content.toString();
}

/** Renders one text as `files/out.txt.mustache`. */
export function renderText(text: string, instance: Partial<DesiredInstance> = {}, partials: Folder = {}): string {
  const template = makeTemplate({ 'files/out.txt.mustache': text, ...partials });
  return textOf(renderInstance(template, makeInstance(instance)), 'out.txt');
}

/** All problems that rendering finds, as shown; empty when it renders. */
export function renderProblems(template: Template, instance: Partial<DesiredInstance> = {}): string[] {
  return problemsOf(template, instance).map(show);
}

/** The same as they are. */
export function problemsOf(template: Template, instance: Partial<DesiredInstance> = {}): readonly Problem[] {
  try {
    renderInstance(template, makeInstance(instance));
    return [];
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    return error.problems;
  }
}
