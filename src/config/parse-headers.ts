/**
 * Headers from a text with a `Name: value` each line; blank lines and lines that start with `#` are left out (RFC 9110, field
 * names and values). Pure.
 *
 * @returns the headers, or the first line, from 1, that is none
 */
export function parseHeaders(text: string): { headers: Record<string, string> } | { line: number } {
  const headers: [string, string][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, value = ''] = HEADER.exec(line) ?? [];
    if (name === undefined) return { line: index + 1 };
    headers.push([name, value]);
  }
  return { headers: Object.fromEntries(headers) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a value must hold none of them
const HEADER = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([^\u0000-\u001f\u007f]*?)[ \t]*$/;
