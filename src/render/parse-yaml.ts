import { type Document, parse, parseAllDocuments } from 'yaml';
import { parseComposeText } from '../compose/compose-text.js';

/** What is wrong with a text, without a word of it: a rendered text may hold what nobody should read. */
export interface SyntaxFault {
  message: string;
  /** Offset in the text; undefined when it is not at one place. */
  offset?: number;
}

export type ParsedYaml = { documents: Document.Parsed[] } | { fault: SyntaxFault };

/** Parses YAML of any number of documents. Unknown tags are fine: `!reset` and `!override` are compose's. Never throws. */
export function parseYaml(text: string): ParsedYaml {
  try {
    const documents = parseAllDocuments(text, { merge: true, prettyErrors: false, logLevel: 'silent' });
    const error = [...documents].flatMap((document) => document.errors)[0];
    if (!error) return { documents: [...documents] as Document.Parsed[] };
    return { fault: { message: PHRASES[error.code] ?? 'it is not valid YAML', offset: error.pos[0] } };
  } catch {
    return { fault: { message: 'it is nested too deeply' } };
  }
}

// More than any sane use of anchors, and few enough that no text of a page turns into gigabytes.
const MOST_ALIASES = 2000;

/** The plain values of parsed documents, the way `parseComposeText` gives them: anchors and merges resolved. Never throws. */
export function toValues(
  text: string,
  documents: readonly Document.Parsed[],
): { values: unknown[] } | { fault: SyntaxFault } {
  try {
    const values = documents.map((document) => document.toJS({ maxAliasCount: MOST_ALIASES }));
    // An alias inside of what it names makes a value that never ends; writing it out fails.
    if (text.includes('*')) JSON.stringify(values);
    if (!text.includes('!reset')) return { values };
    const parsed = parseComposeText(text);
    return 'document' in parsed ? { values: parsed.document } : { fault: { message: parsed.problem.message } };
  } catch {
    return { fault: { message: 'an alias names no anchor before it, holds itself, or there are too many aliases' } };
  }
}

const WHOLE_NUMBER = /^(?:0|-?[1-9]\d{0,14})$/;

/** What the core schema of YAML takes for null, a boolean or a number; and more, which the parser then tells. */
const SPECIAL = /^(?:~|null|true|false|0[ox][\da-f]+|[-+]?[.\d]+(?:e[-+]?\d+)?|[-+]?\.(?:inf|nan))$/i;

/** The value of a word that is written without quotes. */
export function scalarValue(text: string): unknown {
  if (WHOLE_NUMBER.test(text)) return Number(text);
  return SPECIAL.test(text) ? parse(text, { logLevel: 'silent' }) : text;
}

/** Strict JSON, as programs that read *.json take it. */
export function parseJson(text: string): { values: unknown[] } | { fault: SyntaxFault } {
  try {
    return { values: [JSON.parse(text)] };
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    const parsed = position === undefined ? parseYaml(text) : undefined;
    const offset = position === undefined ? offsetOf(parsed) : Number(position);
    return { fault: { message: 'it is not valid JSON', ...(offset !== undefined && { offset }) } };
  }
}

function offsetOf(parsed: ParsedYaml | undefined): number | undefined {
  return parsed && 'fault' in parsed ? parsed.fault.offset : undefined;
}

/** By the error codes of the yaml package, whose own messages quote the text. */
const PHRASES: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias can have no anchor or tag of its own',
  BAD_ALIAS: 'this is no name for an alias or anchor',
  BAD_COLLECTION_TYPE: 'this tag does not fit what follows',
  BAD_DIRECTIVE: 'this directive is not known',
  BAD_DQ_ESCAPE: 'there is no such escape in double quotes; write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines around it, or a bracket before it is not closed',
  BAD_PROP_ORDER: 'anchors and tags come after the indicator before them',
  BAD_SCALAR_START: 'a text without quotes cannot start with this character',
  BLOCK_AS_IMPLICIT_KEY: 'a map or list cannot start on the line of a key',
  BLOCK_IN_FLOW: 'inside [] and {} everything is written with commas',
  DUPLICATE_KEY: 'this key is there twice',
  KEY_OVER_1024_CHARS: 'this key is longer than 1024 characters',
  MISSING_CHAR: 'a character is missing: a quote, a comma, a colon, a bracket, or a space behind a colon or comma',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line; perhaps the colon behind it is missing',
  MULTIPLE_ANCHORS: 'there can be one anchor only',
  MULTIPLE_TAGS: 'there can be one tag only',
  TAB_AS_INDENT: 'YAML is indented with spaces, not with tabs',
  TAG_RESOLVE_FAILED: 'this tag does not fit what follows',
  UNEXPECTED_TOKEN: 'this is not expected here',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
};
