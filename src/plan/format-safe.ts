/**
 * What a terminal or a reader could take for something else: control characters, DEL, C1, and the marks that turn the
 * direction of text. Tabs and line feeds stay.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to show
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Text that may hold what a tenant wrote, safe to print: every character that could move a cursor, colour a terminal or
 * reorder text is shown as its code (`\x1b`, `\u202e`).
 */
export function visible(text: string): string {
  return text.replace(UNSAFE, showCode);
}

function showCode(character: string): string {
  if (character === '\r') return '\\r';
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** The same on one line. */
export function oneLine(text: string): string {
  return visible(text.trim().replace(/\s*\n\s*/g, ' '));
}
