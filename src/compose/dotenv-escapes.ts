const ESCAPE = /\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})/g;

const CONTROL: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
};

/**
 * The escapes of a double-quoted .env value, as compose undoes them before it interpolates.
 *
 * @param text what stands between the quotes, with `\"` already undone
 * @param dollar what `\$` becomes: `$$` for compose's own reading, which interpolation then turns into one `$`
 * @returns the text; an escape that is not known stays as it is (`\q`, `\x41`), and `\0` takes up to three octal digits
 */
export function expandEscapes(text: string, dollar: string): string {
  return text.replace(ESCAPE, (match) => {
    const char = match[1] as string;
    if (char === '$') return dollar;
    if (char !== '0') return CONTROL[char] ?? match;
    const digits = match.slice(2);
    const code = /^[0-7]{3}$/.test(digits) ? Number.parseInt(digits, 8) : 256;
    return code < 256 ? String.fromCharCode(code) : `\\${digits}`;
  });
}
