import type { Document, ParsedNode } from 'yaml';
import type { Problem } from '../errors.js';
import { type Finding, locateFinding } from './finding.js';
import {
  type BrokenDocument,
  type DocumentPlace,
  type ManifestDocument,
  type References,
  slugOf,
} from './manifest-document.js';
import type { ManifestKind, TemplateManifest } from './schema.js';
import { name as nameSchema } from './schema-parts.js';
import { createSourceText, type SourceText } from './source-text.js';
import { describeExpansionError, findSyntaxProblems, syntaxProblem } from './syntax-problems.js';
import { validateManifest } from './validate.js';
import { MOST_ALIASES, readYamlDocuments, type YamlDocument } from './yaml-documents.js';

/** What one file says. */
export interface ReadManifests {
  documents: readonly ManifestDocument[];
  broken: readonly BrokenDocument[];
  problems: readonly Problem[];
}

/** The kinds that desired state is made of; a Template stands in its own folder. */
const DESIRED_KINDS = ['Instance', 'Fleet', 'Host'] as const satisfies readonly ManifestKind[];

/**
 * Parses and checks every document of a text (YAML or JSON). One bad document hides no other. `file` is what problems
 * name; `kinds` may stand in this file. Pure, and nothing of the parser is kept.
 */
export function readManifests(
  file: string,
  text: string,
  kinds: readonly ManifestKind[] = DESIRED_KINDS,
): ReadManifests {
  const source = createSourceText(file, text);
  const documents: ManifestDocument[] = [];
  const broken: BrokenDocument[] = [];
  const problems: Problem[] = [];
  let index = 0;
  for (const read of readYamlDocuments(text)) {
    const place = placeOf(source, index++, read.base + ('document' in read ? startOf(read.document) : 0));
    if (!('document' in read)) {
      problems.push(syntaxProblem(source, read.base, { message: read.reason, offset: 0 }));
      broken.push({ place, kind: undefined, name: undefined, malformed: true, references: {} });
      continue;
    }
    const result = readDocument(source, read, (value) => validateManifest(value, kinds));
    if (result.problems.length === 0) documents.push(manifestDocument(place, result.value));
    else {
      const document = brokenDocument(place, read.document);
      const slug = slugOf(document);
      for (const problem of result.problems) problems.push(slug === undefined ? problem : { ...problem, slug });
      broken.push(document);
    }
  }
  return { documents, broken, problems };
}

/** The one Template of a `template.yaml`; undefined, with problems, when it is not in order. */
export function readTemplateManifest(
  file: string,
  text: string,
): { manifest: TemplateManifest | undefined; problems: readonly Problem[] } {
  const { documents, broken, problems } = readManifests(file, text, ['Template']);
  const [first, ...others] = documents;
  if (first?.kind === 'Template' && others.length + broken.length === 0) return { manifest: first.manifest, problems };
  const message = 'expected exactly one document, of kind Template';
  const counted: Problem[] =
    problems.length > 0 ? [] : [{ code: 'TemplateInvalid', message, file, line: 1, column: 1 }];
  const found = [...problems, ...counted].map((problem): Problem => ({ ...problem, code: 'TemplateInvalid' }));
  return { manifest: undefined, problems: found };
}

/** A finding of the document that is the file's `index`th, and the instance that the document declares, if any. */
export interface LocatedFinding {
  index: number;
  finding: Finding;
  slug?: string | undefined;
}

/** Places findings about whole documents of one text, which is parsed again for that. */
export function locateInText(file: string, text: string, findings: readonly LocatedFinding[]): Problem[] {
  const source = createSourceText(file, text);
  const byIndex = new Map<number, LocatedFinding[]>();
  for (const each of findings) {
    const found = byIndex.get(each.index);
    if (found === undefined) byIndex.set(each.index, [each]);
    else found.push(each);
  }
  const problems: Problem[] = [];
  let index = 0;
  for (const read of readYamlDocuments(text)) {
    for (const { finding, slug } of byIndex.get(index++) ?? []) {
      if (!('document' in read)) continue;
      const problem = locateFinding(source, read.document, read.base, finding);
      problems.push(slug === undefined ? problem : { ...problem, slug });
    }
  }
  return problems;
}

/** What a document says, and what is wrong with it, as the parser and then `validate` see it. */
export function readDocument(
  source: SourceText,
  { document, base }: YamlDocument,
  validate: (value: unknown) => readonly Finding[],
): { value: unknown; problems: Problem[] } {
  const { problems, hasShape } = findSyntaxProblems(source, document, base);
  if (!hasShape) return { value: undefined, problems };
  let value: unknown;
  try {
    value = toPlainValue(document);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { value, problems: [...problems, describeExpansionError(source, document, base, error)] };
  }
  for (const finding of validate(value)) problems.push(locateFinding(source, document, base, finding));
  return { value, problems };
}

/** Throws where an alias has no anchor, is used too often, or stands inside what it names. */
function toPlainValue(document: Document.Parsed<ParsedNode>): unknown {
  let hasAnchors = false;
  const onAnchor = () => {
    hasAnchors = true;
  };
  const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES, onAnchor });
  if (hasAnchors) refuseCycles(value);
  return value;
}

function refuseCycles(value: unknown): void {
  try {
    JSON.stringify(value);
  } catch {
    throw new Error('an alias stands inside the value that it names');
  }
}

function manifestDocument(place: DocumentPlace, value: unknown): ManifestDocument {
  const manifest = value as ManifestDocument['manifest'];
  // the schema of the kind that `manifest.kind` names has just accepted it
  return { place, kind: manifest.kind, name: manifest.metadata.name, manifest } as ManifestDocument;
}

function brokenDocument(place: DocumentPlace, document: Document.Parsed<ParsedNode>): BrokenDocument {
  const name = textAt(document, ['metadata', 'name']);
  const references: References = {};
  for (const field of ['fleet', 'host', 'template'] as const) {
    const reference = textAt(document, ['spec', field]);
    if (isName(reference)) references[field] = reference;
  }
  const malformed = document.errors.length > 0;
  return { place, kind: textAt(document, ['kind']), name: isName(name) ? name : undefined, malformed, references };
}

const NAME = new RegExp(nameSchema.pattern);

function isName(text: string | undefined): text is string {
  return text !== undefined && text.length <= nameSchema.maxLength && NAME.test(text);
}

function startOf(document: Document.Parsed<ParsedNode>): number {
  return document.contents?.range?.[0] ?? document.range[0];
}

function placeOf(source: SourceText, index: number, offset: number): DocumentPlace {
  return { file: source.file, index, line: source.lineAt(offset) };
}

function textAt(document: Document.Parsed<ParsedNode>, path: readonly string[]): string | undefined {
  let found: unknown;
  try {
    found = document.getIn(path);
  } catch {
    // a scalar stands where the path wants a map
  }
  return typeof found === 'string' ? found : undefined;
}
