import { FlotillaError, type Problem } from '../../errors.js';
import type { TemplateStore } from '../../render/template.js';
import type { LoadedState } from '../load-snapshot.js';
import type { RefusedFile } from './plan-tree.js';

/**
 * Tells what was refused. What such a file would have said is not known, so nothing is concluded from its not being there:
 * a manifest is unreadable, a template is broken.
 */
export function holdRefused({ desired, templates }: LoadedState, refused: readonly RefusedFile[]): LoadedState {
  if (refused.length === 0) return { desired, templates };
  const manifests = refused.flatMap(({ template, path }) => (template === null ? [path] : []));
  return {
    desired: {
      ...desired,
      problems: [...desired.problems, ...refused.map(problemOf)],
      unreadable: [...new Set([...desired.unreadable, ...manifests])].sort(),
    },
    templates: breakTemplates(templates, refused),
  };
}

function problemOf({ template, path, reason, hint }: RefusedFile): Problem {
  const code = template === null ? 'ManifestInvalid' : 'TemplateInvalid';
  return { code, message: `the file ${reason}`, file: path, hint };
}

function breakTemplates(store: TemplateStore, refused: readonly RefusedFile[]): TemplateStore {
  const broken = new Map<string, Problem[]>();
  for (const file of refused) {
    if (file.template === null) continue;
    broken.set(file.template, [...(broken.get(file.template) ?? []), problemOf(file)]);
  }
  return {
    get: (name) => (broken.has(name) ? undefined : store.get(name)),
    use(name) {
      const problems = broken.get(name);
      if (problems === undefined) return store.use(name);
      throw new FlotillaError('TemplateInvalid', `template ${name} has files that cannot be used`, { problems });
    },
    names: [...new Set([...store.names, ...broken.keys()])].sort(),
    problems: [...store.problems, ...[...broken.values()].flat()],
  };
}
