import type { RenderedFile } from '../render/file-set.js';

/** Compose files are five or six levels deep; an agent takes no message that is much deeper. */
const MAX_DEPTH = 16;

/** Names that a JSON parser which minds prototypes refuses. */
const REFUSED: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/**
 * The compose files as whoever rendered them has parsed them already: parsing is most of what a preview costs its host. Left
 * out where it would not arrive as it is, or aliases make more of it than its text: then the host parses the text.
 */
export function pickDocuments(
  paths: readonly string[],
  files: readonly RenderedFile[],
): Record<string, unknown[]> | undefined {
  const picked = files.filter(
    ({ path, size, document }) => document && paths.includes(path) && isSendable(document, size),
  );
  if (picked.length === 0) return undefined;
  return Object.fromEntries(picked.map(({ path, document }) => [path, [...(document ?? [])]]));
}

/** @param most values that it may hold, those behind aliases counted each time */
function isSendable(document: readonly unknown[], most: number): boolean {
  let left = most;
  const visit = (value: unknown, depth: number): boolean => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH) return false;
    if (typeof value === 'number') return Number.isFinite(value);
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
    if (typeof value !== 'object') return false;
    if (Array.isArray(value)) return value.every((item) => visit(item, depth + 1));
    return Object.entries(value).every(([key, item]) => !REFUSED.has(key) && visit(item, depth + 1));
  };
  return document.every((value) => visit(value, 0));
}
