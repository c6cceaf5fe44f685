// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are compose's own references
import fc from 'fast-check';

// `@` stands for a text's place in its batch, so that every text has variables of its own: see `place`.
const VARIABLES = ['SET@', 'EMPTY@', 'UNSET@', 'DOLLAR@'] as const;

const name = fc.constantFrom(...VARIABLES);
const operator = fc.constantFrom(':-', '-', ':?', '?', ':+', '+');

const plain = fc.constantFrom('a', 'b c', ' ', 'Z9', '_', '0', '/', '.', '=', '!', ',', '(', '*', 'é', '日本', '😀');
const hostile = fc.constantFrom(
  ...['$', '$$', '$$$', '{', '}', '{}', '}}', '{{', '${', ':', '-', '?', '+', ':-', ':?', ':+', '\\', '\\$', '\\n'],
  ...['"', "'", '#', ' #', '`', '\n', '\r', '\r\n', '\t', '\u017f', '\u212a', '\u00a0', '\u0085', '\u2028', '\u3000'],
);

/** Text as a value may hold it: references, right and wrong, between plain and hostile characters. */
export const templateText: fc.Arbitrary<string> = fc.letrec<{ text: string; piece: string; reference: string }>(
  (tie) => ({
    text: fc.array(tie('piece'), { maxLength: 7 }).map((pieces) => pieces.join('')),
    piece: fc.oneof(
      { withCrossShrink: true, depthSize: 'medium' },
      { weight: 3, arbitrary: plain },
      { weight: 3, arbitrary: hostile },
      { weight: 5, arbitrary: tie('reference') },
      { weight: 1, arbitrary: fc.string({ unit: 'grapheme-composite', maxLength: 3 }).map(withoutPlace) },
    ),
    reference: fc.oneof(
      { weight: 2, arbitrary: name.map((one) => `$${one}`) },
      { weight: 2, arbitrary: name.map((one) => `\${${one}}`) },
      { weight: 5, arbitrary: fc.tuple(name, operator, tie('text')).map((parts) => `\${${parts.join('')}}`) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(name, fc.constantFrom('', ' ', '.', ':', '=', ':=', '/', '#'), tie('text'))
          .map((parts) => `\${${parts.join('')}}`),
      },
    ),
  }),
).text;

const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('K@', 'L@', 'M@', 'SET@', 'UNSET@', 'export N@', 'export\tO@') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('A.b-c[0]@', 'é@', '1K@', '  P@', 'Q@ ', '\u00a0R@\u00a0', 'ex@port', 'S@\r'),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'bad key', 'bad!key', '"q"', 'export', 'export ', 'a\tb@', '\ufeffT@') },
);
const separator = fc.constantFrom('=', '=', '=', '=', ' = ', ':', ': ', '=\t', '=\u00a0', '\u0085=', '==', '\n', '');
const oneLine = templateText.map((text) => text.replaceAll('\n', ''));
const escapes = fc.constantFrom(
  '\\n',
  '\\"',
  "\\'",
  '\\\\',
  '\\$',
  '\\0101',
  '\\07',
  '\\0777',
  '\\0377',
  '\\0200',
  '\\x41',
  '\\q',
  '\\c',
  '\\',
);
const quotedText = fc.array(fc.oneof(templateText, escapes), { maxLength: 4 }).map((parts) => parts.join(''));
const value = fc.oneof(
  { weight: 4, arbitrary: oneLine },
  { weight: 3, arbitrary: quotedText.map((text) => `"${text.replace(/(?<!\\)"/g, '')}"`) },
  { weight: 3, arbitrary: quotedText.map((text) => `'${text.replace(/(?<!\\)'/g, '')}'`) },
  { weight: 1, arbitrary: quotedText.map((text) => `"${text}`) },
);
const tail = fc.constantFrom(
  '\n',
  '\n',
  '\n',
  '\n',
  '\r\n',
  ' # comment\n',
  '\t# no comment\n',
  ' \n',
  'L@=tail\n',
  '',
);
const line = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(key, separator, value, tail).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.constantFrom('# $SET@ ${\n', '\n', '  \n', '#', 'SET@\n', 'UNSET@\n', 'SET@', '\ufeff') },
);

/** The text of a .env file, most of it well-formed. */
export const dotenvText: fc.Arbitrary<string> = fc.array(line, { maxLength: 5 }).map((lines) => lines.join(''));

/** Gives a text the variables of its place in a batch. */
export function place(text: string, index: number): string {
  return text.replaceAll('@', `_${index}_`);
}

/** The variables of the texts in a batch; those called UNSET are not there. */
export function batchEnvironment(count: number): Record<string, string> {
  const variables = Array.from({ length: count }, (_, index) => [
    [`SET_${index}_`, `value ${index}`],
    [`EMPTY_${index}_`, ''],
    [`DOLLAR_${index}_`, '$SET ${X} "q'],
  ]);
  return Object.fromEntries(variables.flat());
}

function withoutPlace(text: string): string {
  return text.replaceAll('@', '').replaceAll('\0', '');
}
