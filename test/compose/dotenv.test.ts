// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are compose's own references
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dotenv, parseDotenv } from '../../src/compose/dotenv.js';
import { dotenvText } from '../support/compose-arbitraries.js';

function read(text: string, ...rest: [ReadonlyMap<string, string>?]): Dotenv {
  const result = parseDotenv(text, ...rest);
  if ('error' in result) throw new Error(JSON.stringify(result.error));
  return result;
}

describe('parseDotenv', () => {
  it.each([
    ['A=1', '1'],
    ['export A = 1 # c', '1'],
    ['A: 1', '1'],
    ["A='$X \\n' # c", '$X \\n'],
    ["A='it\\'s'", "it's"],
    ['A="a\\tb\\$c"', 'a\tb$c'],
    ['A="\\0101\\x41\\q\\0777\\c\\07"', 'A\\x41\\q\\777\\c\\7'],
    ['A="\\0377\\0"', '\u00ff\\'],
    ['A="one\ntwo"', 'one\ntwo'],
    ['A=a#b #c', 'a#b'],
    ['A=#', '#'],
    ['B=b\nA=x${B}$B', 'xbb'],
    ['A=pa$$word', 'pa$word'],
    ['\ufeffA=1\r\n', '1'],
    ['A=1\nA=2\n', '2'],
    ['A="x"B=y', 'x'],
    ['A=\u00a01\u00a0\n', '1'],
    ['A=\u30001\u3000\n', '\u30001'],
  ])('%j gives A the value %j', (text, value) => expect(read(text).values.get('A')).toBe(value));

  it('gives sorted names, the empty ones, and the lines where assignments start', () => {
    const env = read('B=1\n# c\nA=\nC="x\ny=1"\nD=""\nBARE\n');
    expect(env.names).toEqual(['A', 'B', 'C', 'D']);
    expect(env.empty).toEqual(['A', 'D']);
    expect([...env.lineStarts]).toEqual([
      [1, 'B'],
      [3, 'A'],
      [4, 'C'],
      [6, 'D'],
    ]);
  });

  it('suspects the names whose dollar compose eats or expands', () => {
    const env = read(
      [
        'A=s3cr$et',
        'B="s3cr$et"',
        "C='s3cr$et'",
        'D="s3cr\\$et"',
        'E=$5 a$ $(x)',
        'F=pa$$',
        'G=${A}',
        'H="\\$$A"',
        'A2=$A',
        "A2='$'",
      ].join('\n'),
    );
    expect(env.suspect).toEqual(['A', 'B', 'F', 'G', 'H']);
  });

  it('lets the environment win in references and give bare names their value', () => {
    const env = read(
      'A=file\nB=$A\nC\nD\n',
      new Map([
        ['A', 'shell'],
        ['C', 'c'],
      ]),
    );
    expect([...env.values]).toEqual([
      ['A', 'file'],
      ['B', 'shell'],
      ['C', 'c'],
    ]);
  });

  it.each([
    ['s3cret key=1', 1, 'a name holds a space'],
    ['A=1\ns3cret!=1', 2, 'a name holds a character that names cannot have'],
    ['A=1\n\nB="s3cret\n', 3, 'a quoted value is not closed'],
    ['A=1\nB=${s3cret', 2, 'a value holds an invalid variable reference'],
    ['A=1\nB="x\ny"\nC=${s3cret:?s3cret}', 4, 'a variable that a value requires is not set'],
    ['A=1\nB=s3cret\0\n', 2, 'a name is empty or a value holds a NUL character'],
    ['A=1\n=s3cret', 2, 'a name is empty or a value holds a NUL character'],
    ['A=1\ns3cret', 2, 'a name is empty or a value holds a NUL character'],
    ['export ', 1, 'export without a name'],
  ])('%j is refused at line %d', (text, line, reason) => {
    expect(parseDotenv(text)).toEqual({ error: { line, reason } });
  });

  it('takes in an env_file of a service what a process environment cannot hold', () => {
    const result = parseDotenv('A=\0\n=x', new Map(), { as: 'service' });
    expect('values' in result && [...result.values]).toEqual([
      ['A', '\0'],
      ['', 'x'],
    ]);
  });

  it('never throws, and its reasons are of a fixed few whatever the text', { timeout: 30_000 }, () => {
    const reasons = new Set<string>();
    fc.assert(
      fc.property(fc.oneof(dotenvText, fc.string({ unit: 'binary' })), (text) => {
        const result = parseDotenv(text);
        if ('error' in result) {
          reasons.add(result.error.reason);
          expect(result.error.line).toBeLessThanOrEqual(text.split('\n').length);
        } else {
          expect(result.names).toEqual([...result.values.keys()].sort());
          const lines = text.split('\n');
          expect([...result.lineStarts].filter(([line, name]) => !lines[line - 1]?.includes(name))).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
    expect(reasons.size).toBeLessThanOrEqual(6);
  });

  it('gives back what is written in single quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        fc.pre(!value.includes('\\') && !value.includes('\0'));
        expect(read(`A='${value.replaceAll("'", "\\'")}'\nB=1\n`).values.get('A')).toBe(value);
      }),
    );
  });
});
