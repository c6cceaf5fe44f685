import type { DesiredState } from '../manifest/desired-state.js';
import { type LoadOptions, loadDesiredState } from '../manifest/load.js';
import { loadTemplates } from '../render/load-template.js';
import type { TemplateStore } from '../render/template.js';

/** Desired state and its templates, as one look at the files gave them. */
export interface LoadedState {
  /** What is wrong with templates is in its `problems`, too. */
  desired: DesiredState;
  templates: TemplateStore;
}

/** @throws FlotillaError SourceUnreadable when one of the two directories cannot be read */
export async function loadSnapshot(options: LoadOptions): Promise<LoadedState> {
  const desired = await loadDesiredState(options);
  const { root } = options;
  const templates = await loadTemplates(options.templates, root === undefined ? {} : { root });
  return { desired: { ...desired, problems: [...desired.problems, ...templates.problems] }, templates };
}
