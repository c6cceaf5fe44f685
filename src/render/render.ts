import { FlotillaError, type Problem } from '../errors.js';
import type { DesiredInstance } from '../manifest/desired-state.js';
import { fileSetDigest, sha256 } from './digest.js';
import { type Draft, draftFiles } from './draft-files.js';
import type { FileSet, RenderedFile } from './file-set.js';
import { parseRendered } from './parse-rendered.js';
import type { Template } from './template.js';
import { buildView, type View } from './view.js';

/**
 * Renders everything that a template makes of one instance. Pure: the same template and instance give the same bytes.
 *
 * @throws FlotillaError RenderFailed with every problem there is: values that do not meet valuesSchema, names that the view
 *   does not have, paths that leave the instance, YAML and JSON that does not parse
 */
export function renderInstance(template: Template, instance: DesiredInstance): FileSet {
  return renderView(template, instance, buildView(instance));
}

/** As `renderInstance`, for a caller that has the instance's view. */
export function renderView(template: Template, instance: DesiredInstance, view: View): FileSet {
  const { drafts, released, problems } = draftFiles(template, instance, view, { shapes: true });
  const files: RenderedFile[] = [];
  for (const draft of drafts) {
    const file = finish(draft, view);
    if ('problem' in file) problems.push(file.problem);
    else files.push(file);
  }
  if (problems.length > 0) throw renderFailed(template, instance, problems);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { digest: fileSetDigest(files), files, released };
}

/**
 * Whether an instance fits its template, at a fraction of the cost of rendering it: everything that `renderInstance` would
 * find but for YAML and JSON that does not parse.
 */
export function checkTemplateUse(template: Template, instance: DesiredInstance): Problem[] {
  const { problems } = draftFiles(template, instance, buildView(instance), { shapes: false });
  return problems.map((problem) => ({ ...problem, slug: instance.slug }));
}

function finish(draft: Draft, view: View): RenderedFile | { problem: Problem } {
  const { file, path, sensitive } = draft;
  const { mode, ownership } = file;
  const entry = { path, mode, sensitive, ownership };
  if (file.content.kind === 'constant') {
    const { bytes, sha256: digest, document } = file.content;
    return { ...entry, sha256: digest, size: bytes.length, content: bytes, ...(document && { document }) };
  }
  const parsed = parseRendered(draft, view);
  if ('problem' in parsed) return parsed;
  const content = Buffer.from(draft.text);
  return { ...entry, sha256: sha256(content), size: content.length, content, ...parsed };
}

function renderFailed(template: Template, instance: DesiredInstance, problems: readonly Problem[]): FlotillaError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new FlotillaError(
    'RenderFailed',
    `${instance.slug} does not render with template ${template.name}: ${count}`,
    {
      problems: problems.map((problem) => ({ ...problem, slug: instance.slug })),
    },
  );
}
