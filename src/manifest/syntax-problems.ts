import { type Document, isAlias, isScalar, type ParsedNode, visit, type YAMLParseError } from 'yaml';
import type { Problem } from '../errors.js';
import type { SourceText } from './source-text.js';
import { MOST_ALIASES } from './yaml-documents.js';

interface SyntaxError {
  message: string;
  offset: number;
  hint?: string;
}

/**
 * What the YAML parser minds about a document, in our words. Every duplicate key and unknown tag is told; of other
 * errors only the first, because the rest follow from it. `hasShape` says whether the document can still be read.
 */
export function findSyntaxProblems(
  source: SourceText,
  document: Document.Parsed<ParsedNode>,
  base: number,
): { problems: Problem[]; hasShape: boolean } {
  if (document.errors.length === 0 && document.warnings.length === 0) return { problems: [], hasShape: true };
  const duplicates = document.errors.filter((error) => error.code === 'DUPLICATE_KEY');
  const shapeless = document.errors.find((error) => error.code !== 'DUPLICATE_KEY');
  const told = [...duplicates, ...(shapeless ? [shapeless] : []), ...document.warnings];
  const text = source.text.slice(base, base + document.range[2]);
  // what is missing at the end is shown after the last word, not in the document that follows
  const end = text.trimEnd().length;
  const problems = told.map((error) => {
    const described = describe(error as YAMLParseError, text.slice(error.pos[0], error.pos[1]), document);
    return syntaxProblem(source, base, { ...described, offset: Math.min(described.offset, end) });
  });
  return { problems, hasShape: shapeless === undefined };
}

/** What went wrong when a document's aliases and merge keys were followed. */
export function describeExpansionError(
  source: SourceText,
  document: Document.Parsed<ParsedNode>,
  base: number,
  error: Error,
): Problem {
  const unresolved = /^Unresolved alias .*: (.*)$/s.exec(error.message)?.[1];
  const tooMany = error.message.startsWith('Excessive alias count');
  let offset = document.range[0];
  visit(document, {
    Alias(_, alias) {
      if (unresolved !== undefined && alias.source !== unresolved) return undefined;
      offset = alias.range?.[0] ?? offset;
      return visit.BREAK;
    },
  });
  if (unresolved !== undefined) {
    return syntaxProblem(source, base, {
      message: `alias *${unresolved}: expected an anchor &${unresolved} above it`,
      offset,
    });
  }
  const message = tooMany
    ? `aliases expand too far: expected at most ${MOST_ALIASES} uses of an anchor, counting aliases inside aliases`
    : `cannot follow the aliases: ${error.message}`;
  return syntaxProblem(source, base, { message, offset });
}

/** A finding of the text itself as a problem. */
export function syntaxProblem(source: SourceText, base: number, { message, offset, hint }: SyntaxError): Problem {
  const position = source.positionAt(base + offset);
  return { code: 'ManifestInvalid', message, file: source.file, ...position, ...(hint === undefined ? {} : { hint }) };
}

function describe(error: YAMLParseError, written: string, document: Document.Parsed<ParsedNode>): SyntaxError {
  const offset = error.pos[0];
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { message: 'a tab in the indentation: expected spaces', offset };
    case 'DUPLICATE_KEY':
      return { message: `key ${keyAt(document, offset)} is there twice in one map: expected each key once`, offset };
    case 'TAG_RESOLVE_FAILED':
      return { message: `unknown tag ${JSON.stringify(written)}: expected a value that JSON can hold`, offset };
    case 'NON_STRING_KEY':
      return { message: 'expected a name as the key of a map', offset };
    case 'BAD_DIRECTIVE':
      return { message: `unknown directive ${JSON.stringify(written)}`, offset };
    default: {
      if (/call stack/.test(error.message)) return { message: 'nested too deeply', offset };
      const opened = error.code === 'MISSING_CHAR' ? unclosedQuote(document) : undefined;
      if (opened === undefined) return { message: `not valid YAML: ${lowerFirst(error.message)}`, offset };
      return { message: 'a quoted text is not closed: expected its quote again', offset: opened };
    }
  }
}

function keyAt(document: Document.Parsed<ParsedNode>, offset: number): string {
  let name = '';
  visit(document, {
    Pair(_, { key }) {
      if (isAlias(key) || !isScalar(key) || key.range?.[0] !== offset) return undefined;
      name = String(key.value);
      return visit.BREAK;
    },
  });
  return JSON.stringify(name);
}

/** Where the quoted text starts that runs to the end of the document. */
function unclosedQuote(document: Document.Parsed<ParsedNode>): number | undefined {
  let opened: number | undefined;
  visit(document, {
    Scalar(_, { type, range }) {
      const isQuoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
      if (isQuoted && range && range[1] >= document.range[1]) opened = range[0];
    },
  });
  return opened;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
