import type { Problem } from '../errors.js';
import type { DesiredInstance } from '../manifest/desired-state.js';
import { evaluate, type Finding } from './evaluate.js';
import { clashesOf, normalisePath, pathFault } from './rendered-path.js';
import type { Shape } from './shape.js';
import type { Template, TemplateFile, ValueFinding } from './template.js';
import type { View } from './view.js';

/** One file of an instance before it is hashed and parsed. `text` is empty for a file that is copied. */
export interface Draft {
  file: TemplateFile;
  path: string;
  sensitive: boolean;
  text: string;
  shape: Shape | null;
}

export interface Drafts {
  drafts: Draft[];
  /** Sorted. */
  released: string[];
  problems: Problem[];
}

/** Evaluates paths and contents of all files of an instance, and lists everything that is wrong with its values and names. */
export function draftFiles(
  template: Template,
  instance: DesiredInstance,
  view: View,
  { shapes }: { shapes: boolean },
): Drafts {
  const values = template.spec.checkValues(instance.values);
  const told = values.flatMap(({ missing }) => missing ?? []);
  const run: Run = { template, instance, view, shapes, told, drafts: [], released: [], problems: [] };
  run.problems.push(...values.map((finding) => valueProblem(finding, instance)));
  for (const file of template.files) draftFile(file, run);
  if (template.files.some((file) => file.pathNodes !== null)) checkPaths(run);
  if (instance.registered) run.released.push('.env');
  return { drafts: run.drafts, released: [...new Set(run.released)].sort(), problems: run.problems };
}

interface Run extends Drafts {
  template: Template;
  instance: DesiredInstance;
  view: View;
  shapes: boolean;
  /** Names that valuesSchema has found missing: once is enough. */
  told: readonly string[];
}

function draftFile(file: TemplateFile, run: Run): void {
  const { view, instance, drafts, released } = run;
  const path = renderPath(file, run);
  if (instance.registered && (file.unlessRegistered || path === '.env')) {
    if (path !== null) released.push(path);
    return;
  }
  const evaluated =
    file.content.kind === 'constant'
      ? { text: '', shape: null, findings: [] }
      : evaluate(file.content.nodes, view, { shape: run.shapes && file.content.syntax === 'yaml' });
  note(evaluated.findings, run);
  if (path === null || evaluated.findings.length > 0) return;
  const { text, shape } = evaluated;
  drafts.push({ file, path, sensitive: file.sensitive || path === '.env', text, shape });
}

/** The normalised path; null when it has problems, which are noted. */
function renderPath(file: TemplateFile, run: Run): string | null {
  if (file.pathNodes === null) return file.path;
  const { text, findings } = evaluate(file.pathNodes, run.view);
  note(findings, run);
  if (findings.length > 0) return null;
  const fault = pathFault(text);
  if (fault === null) return normalisePath(text);
  run.problems.push(pathProblem(file, text, fault));
  return null;
}

function note(findings: readonly Finding[], { told, problems }: Run): void {
  for (const { name, problem } of findings) {
    if (!told.some((missing) => name === missing || name.startsWith(`${missing}.`))) problems.push(problem);
  }
}

function checkPaths({ drafts, released, template, problems }: Run): void {
  for (const draft of drafts) {
    if (template.spec.tenantCompose.includes(draft.path)) {
      problems.push(
        pathProblem(draft.file, draft.path, "is a compose file of the tenant's own, which is never written"),
      );
    }
  }
  for (const [path, , fault] of clashesOf([...drafts.map((draft) => draft.path), ...released])) {
    const draft = drafts.findLast((candidate) => candidate.path === path);
    if (draft) problems.push(pathProblem(draft.file, path, fault));
  }
}

function pathProblem(file: TemplateFile, path: string, fault: string): Problem {
  const shown = JSON.stringify(path.length > 100 ? `${path.slice(0, 100)}...` : path);
  return { code: 'RenderFailed', message: `renders to the path ${shown}, which ${fault}`, file: file.source };
}

function valueProblem({ pointer, message, hint }: ValueFinding, { source, template }: DesiredInstance): Problem {
  const place = pointer === '' ? 'values' : `values at ${pointer}`;
  return {
    code: 'RenderFailed',
    message: `${place}: ${message} (valuesSchema of template ${template})`,
    file: source.file,
    line: source.line,
    ...(hint !== undefined && { hint }),
  };
}
