import { Composer, type Document, type ParsedNode, Parser, Schema } from 'yaml';

/** One YAML document of a text. Offsets in `document` count from `base`. */
export interface YamlDocument {
  document: Document.Parsed<ParsedNode>;
  /** Where in the whole text the offsets of `document` start. */
  base: number;
}

/** A document that could not even be composed. */
export interface UnreadableDocument {
  base: number;
  reason: string;
}

/** The most characters of one document; far above any manifest, and it bounds the work that one can ask for. */
const LARGEST_DOCUMENT = 1 << 20;

/** How often an alias may be used, counting aliases inside aliases: what stops an alias bomb. */
export const MOST_ALIASES = 100;

/**
 * The YAML 1.2 core schema and merge keys. Tags beyond it (`!!binary`, `!!timestamp`) stay unknown, because a manifest
 * holds what JSON can hold; every key is a string, so `1.10:` is the key "1.10".
 */
const SCHEMA = new Schema({ schema: 'core', merge: true, resolveKnownTags: false });
const OPTIONS = { schema: SCHEMA, prettyErrors: false, stringKeys: true, logLevel: 'silent' } as const;

/**
 * The documents of a text (YAML 1.2.2 or JSON), one at a time so that none is kept. The text is cut where the YAML
 * specification ends a document whatever it holds (a line that starts with `---`, rule c-forbidden [206]): an
 * unclosed quote in one document does not swallow the next. Empty documents are left out.
 */
export function* readYamlDocuments(text: string): Generator<YamlDocument | UnreadableDocument> {
  for (const { start, end } of cutDocuments(text)) {
    if (end - start > LARGEST_DOCUMENT) {
      yield { base: start, reason: `expected at most ${LARGEST_DOCUMENT} characters in one document` };
    } else yield* composeDocuments(text.slice(start, end), start);
  }
}

export interface Cut {
  start: number;
  end: number;
}

/** Where each document starts and ends in the text. Comments and directives above a `---` belong to what follows. */
export function cutDocuments(text: string): Cut[] {
  const cuts: Cut[] = [];
  let start = 0;
  for (const marker of text.matchAll(MARKER)) {
    if (!startsLine(text, marker.index)) continue;
    const isEnd = marker[0] === '...';
    if (!isEnd && PREAMBLE.test(text.slice(start, marker.index))) continue;
    const end = isEnd ? endOfLine(text, marker.index) : marker.index;
    cuts.push({ start, end });
    start = end;
  }
  cuts.push({ start, end: text.length });
  return cuts;
}

const MARKER = /(?:---|\.\.\.)(?=[ \t\r\n]|$)/g;
/** Nothing but blank lines, comments and directives. */
const PREAMBLE = /^\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?\n|%[^\n]*\n)*$/;

function startsLine(text: string, offset: number): boolean {
  return offset === 0 || text[offset - 1] === '\n' || (offset === 1 && text[0] === '\ufeff');
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end + 1;
}

function* composeDocuments(text: string, base: number): Generator<YamlDocument | UnreadableDocument> {
  try {
    for (const document of new Composer(OPTIONS).compose(new Parser().parse(text))) {
      if (!isEmpty(document)) yield { document, base };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    yield { base, reason: 'nested too deeply' };
  }
}

function isEmpty(document: Document.Parsed): boolean {
  if (document.errors.length > 0 || document.warnings.length > 0) return false;
  const contents = document.contents as { value?: unknown; source?: string } | null;
  return contents === null || (contents.value === null && contents.source === '');
}
