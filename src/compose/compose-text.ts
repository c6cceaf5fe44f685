import { type Document, LineCounter, parseAllDocuments, Scalar, visit } from 'yaml';

/** Something a person has to mend in a compose file; `message` quotes compose text only, never a value of a .env. */
export interface ComposeProblem {
  path: string;
  line?: number;
  column?: number;
  message: string;
}

/**
 * The text of a compose file as the plain values that compose goes on with: anchors and merges resolved, and what is
 * tagged `!reset` gone (compose drops it before it interpolates; `!override` stays).
 *
 * @param text one compose file, possibly of several YAML documents
 * @returns a list with the value of each document, or the first thing that is wrong with the YAML. Never throws.
 */
export function parseComposeText(text: string): { document: unknown[] } | { problem: Omit<ComposeProblem, 'path'> } {
  const lines = new LineCounter();
  try {
    const document: unknown[] = [];
    for (const doc of documentsOf(text, lines)) {
      const error = doc.errors[0];
      if (error) return { problem: { ...positionAt(lines, error.pos[0]), message: `invalid YAML: ${error.message}` } };
      if (text.includes('!reset')) dropReset(doc);
      document.push(doc.toJS({ maxAliasCount: -1 }));
    }
    return { document };
  } catch {
    return { problem: { message: 'invalid YAML: it is nested too deeply, or an alias holds itself' } };
  }
}

/**
 * Where a string value stands in a compose file.
 *
 * @returns the 1-based line and column of the first value or key that is exactly `value`; undefined when there is none
 */
export function locateString(text: string, value: string): { line: number; column: number } | undefined {
  const lines = new LineCounter();
  for (const doc of documentsOf(text, lines)) {
    let found: number | undefined;
    visit(doc, {
      Scalar(key, node) {
        if (key === 'key' || node.value !== value || !node.range) return undefined;
        found = node.range[0];
        return visit.BREAK;
      },
    });
    if (found !== undefined) return positionAt(lines, found);
  }
  return undefined;
}

function documentsOf(text: string, lineCounter: LineCounter): Document.Parsed[] {
  const parsed = parseAllDocuments(text, { lineCounter, merge: true, prettyErrors: false, logLevel: 'silent' });
  return Array.isArray(parsed) ? parsed : [];
}

function dropReset(doc: Document.Parsed): void {
  visit(doc, {
    Node(_key, node) {
      if (node.tag === '!override') return visit.SKIP;
      if (node.tag !== '!reset') return undefined;
      const nothing = new Scalar(null);
      if ('anchor' in node && node.anchor !== undefined) nothing.anchor = node.anchor;
      return nothing;
    },
  });
}

function positionAt(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
