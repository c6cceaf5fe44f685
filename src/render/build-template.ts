import type { Problem } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import { locateInText, readTemplateManifest } from '../manifest/read-manifests.js';
import type { TemplateManifest } from '../manifest/schema.js';
import { compileMustache, type Partials } from './compile-mustache.js';
import { sha256 } from './digest.js';
import { findSpecFaults } from './find-spec-faults.js';
import type { Template, TemplateFile, TemplateSpec } from './template.js';
import { buildTemplateFiles } from './template-files.js';
import type { SpecFault, TemplateSource } from './template-source.js';
import { compileValuesSchema } from './values-schema.js';

/**
 * Makes a template of its folder: parses every text once, and finds everything that is wrong with it whatever the instance.
 *
 * @returns the template, or undefined when there are problems; each has its file, line and column where it has one
 */
export function buildTemplate(source: TemplateSource): {
  template: Template | undefined;
  problems: readonly Problem[];
} {
  const partials: Partials = { texts: source.partials, compiled: new Map() };
  const read = readTemplateManifest(source.manifest.file, source.manifest.text);
  const problems: Problem[] = [...read.problems];
  for (const [name, { file, text }] of source.partials) {
    problems.push(...compileMustache(file, text, partials, name).problems);
  }
  const files = buildTemplateFiles(source.files, read.manifest?.spec.files ?? [], partials);
  problems.push(...files.problems);
  if (!read.manifest) return { template: undefined, problems: distinct(problems) };
  const { spec, faults } = buildSpec(read.manifest, files.files, source.name);
  problems.push(...locate(source.manifest, faults));
  if (problems.length > 0) return { template: undefined, problems: distinct(problems) };
  const template = { name: source.name, digest: digestOf(source), spec, files: files.files };
  return { template, problems };
}

function buildSpec(
  { metadata, spec }: TemplateManifest,
  files: readonly TemplateFile[],
  name: string,
): { spec: TemplateSpec; faults: SpecFault[] } {
  const compose = typeof spec.compose === 'string' ? [spec.compose] : ((spec.compose ?? []) as readonly string[]);
  const tenantCompose = spec.tenantCompose ?? [];
  const onChange = (spec.onChange ?? []) as TemplateSpec['onChange'];
  const faults = findSpecFaults({ compose, tenantCompose, onChange, rules: spec.files ?? [] }, files);
  if (metadata.name !== name) {
    const near = nearestName(metadata.name, [name]);
    const hint = near === undefined ? `rename the folder, or write name: ${name}` : `did you mean ${near}?`;
    faults.push({ path: ['metadata', 'name'], message: `a template is named as its folder, ${name}`, hint });
  }
  const compiled = spec.valuesSchema ? compileValuesSchema(spec.valuesSchema) : { check: () => [] };
  if ('fault' in compiled) faults.push({ path: ['spec', 'valuesSchema'], message: `valuesSchema: ${compiled.fault}` });
  const checkValues = 'check' in compiled ? compiled.check : () => [];
  return { spec: { compose, tenantCompose, onChange, checkValues }, faults };
}

function locate({ file, text }: { file: string; text: string }, faults: readonly SpecFault[]): Problem[] {
  const findings = faults.map((fault) => ({ index: 0, finding: { code: 'TemplateInvalid' as const, ...fault } }));
  return findings.length === 0 ? [] : locateInText(file, text, findings);
}

/** What is wrong with a partial is found again wherever it is included. */
function distinct(problems: readonly Problem[]): Problem[] {
  const byPlace = new Map<string, Problem>();
  for (const problem of problems) {
    const place = `${problem.file}:${problem.line}:${problem.column}:${problem.message}`;
    if (!byPlace.has(place)) byPlace.set(place, problem);
  }
  return [...byPlace.values()];
}

function digestOf({ name, manifest, files, partials }: TemplateSource): string {
  const parts = [
    ['template', name, sha256(manifest.text)],
    ...files.map(({ path, bytes, executable }) => ['file', path, executable, sha256(bytes)]),
    ...[...partials]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([partial, { text }]) => ['partial', partial, sha256(text)]),
  ];
  return `sha256:${sha256(JSON.stringify(parts))}`;
}
