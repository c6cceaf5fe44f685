import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DiffInput, diffFile } from '../../src/agent/files/file-diff.js';
import { parseDotenv } from '../../src/compose/dotenv.js';
import { temporaryDirectory } from './support/tenant-tree.js';

describe('a diff', () => {
  test('is unified, with three lines of context', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ''].join('\n');
    expect(diff('x/y.yml', before, before.replace('e', 'E')).diff).toBe(
      ['--- a/x/y.yml', '+++ b/x/y.yml', '@@ -2,7 +2,7 @@', ' b', ' c', ' d', '-e', '+E', ' f', ' g', ' h', ''].join(
        '\n',
      ),
    );
  });

  test('of a new and of a deleted file names /dev/null', () => {
    expect(diff('f', null, 'a\nb\n').diff).toBe('--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n');
    expect(diff('f', 'a\n', null).diff).toBe('--- a/f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n');
    expect(diff('f', null, '').diff).toBe('--- /dev/null\n+++ b/f\n');
  });

  test('of the same bytes is empty; a missing last newline shows', () => {
    expect(diff('f', 'a\n', 'a\n').diff).toBe('');
    expect(diff('f', null, null).diff).toBe('');
    expect(diff('f', 'a\n', 'a').diff).toBe(
      '--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n-a\n+a\n\\ No newline at end of file\n',
    );
    expect(diff('f', 'a\r\n', 'a\n').diff).toContain('-a\r\n+a\n');
  });

  test('is what patch(1) needs to make the new file', () => {
    const line = fc.constantFrom('', 'a', 'b', '  image: x', 'c\r');
    const text = fc
      .tuple(fc.array(line, { maxLength: 30 }), fc.constantFrom('', '\n'))
      .map(([lines, end]) => lines.join('\n') + end);
    const directory = temporaryDirectory();
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after && before !== '' && after !== '');
        const file = join(directory, 'f');
        writeFileSync(file, before);
        const { status, stdout } = spawnSync('patch', ['--binary', '-s', file], {
          input: diff('f', before, after).diff,
          encoding: 'utf8',
        });
        expect(status, stdout).toBe(0);
        expect(readFileSync(file, 'utf8')).toBe(after);
      }),
      { numRuns: 60 },
    );
  });

  test('is cut after 200 lines, and says how many were', () => {
    const after = Array.from({ length: 1000 }, (_, i) => `line ${i}`).join('\n');
    const result = diff('f', null, after);
    expect(result).toMatchObject({ truncated: true, omittedLines: 1000 + 4 - 200 });
    expect(result.diff.split('\n')).toHaveLength(201);
    expect(diff('f', null, 'a\n'.repeat(197))).toMatchObject({ truncated: false, omittedLines: 0 });
    expect(diff('f', null, 'a\n'.repeat(198))).toMatchObject({ truncated: true, omittedLines: 1 });
  });

  test('of binary and very large files is a sentence', () => {
    expect(diff('f', Buffer.from([0]), 'text').diff).toBe('binary: 1 bytes -> 4 bytes');
    expect(diff('f', null, Buffer.from([0xff, 0xfe])).diff).toBe('binary: absent -> 2 bytes');
    expect(diff('f', 'x'.repeat(2 << 20), '').diff).toBe('too large to show: 2097152 bytes -> 0 bytes');
  });

  test('that takes too long is a sentence, soon', () => {
    const noise = (seed: string) =>
      Array.from({ length: 20_000 }, (_, i) => `${seed}${(i * 7919) % 20_011}`).join('\n');
    const start = performance.now();
    expect(diff('f', noise('a'), noise('b')).diff).toMatch(/^too many changes to show: \d+ bytes -> \d+ bytes$/);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('a masked diff', () => {
  test('keeps the names of assignments, and nothing else', () => {
    const before =
      '# the s3cret is old\nDB_PASSWORD=hunter2\nexport A="multi\nLINE=inside\nend" # tail\nPLAIN: yaml-style\nEMPTY=\n';
    const after = before.replace('hunter2', 'correct horse').replace('inside', 'other');
    expect(masked('.env', before, after)).toBe(
      [
        '--- a/.env',
        '+++ b/.env',
        '@@ -1,7 +1,7 @@',
        ' ********',
        '-DB_PASSWORD=********',
        '+DB_PASSWORD=********',
        ' A=********',
        '-********',
        '+********',
        ' ********',
        ' PLAIN=********',
        ' EMPTY=********',
        '',
      ].join('\n'),
    );
  });

  test('of what compose would not read, or of another format, has no names at all', () => {
    for (const [path, text] of [
      ['.env', 'A=1\nBAD KEY=s3cret\n'],
      ['.env', 'A=1\nB="unterminated s3cret\nC=2\n'],
      ['secrets.yml', 'password: s3cret\n'],
      ['key.pem', '-----BEGIN KEY-----\nc2VjcmV0c2VjcmV0\nc2VjcmV0=\n-----END KEY-----\n'],
      ['.env.d/token', 'TOKEN=s3cret\n'],
    ] as const) {
      const lines = masked(path, null, text).split('\n').slice(3, -1);
      expect(new Set(lines)).toEqual(new Set(['+********']));
    }
  });

  test('a line that is a name on one side only shows no name', () => {
    const before = 'X="\nSECRET_PART=abc\n"\n';
    expect(masked('.env', before, before.replaceAll('"', ''))).not.toContain('SECRET_PART');
    expect(
      masked('.env', 'A=1\nbare-token\n'.replace('bare-token', 'baretokenvalue'), 'A=2\nbaretokenvalue\n'),
    ).not.toContain('baretoken');
    expect(masked('.env', 'A=1\n', 'A=1\nc2VjcmV0dmFsdWU=\n')).not.toContain('c2Vj');
  });

  test('tells no sizes', () => {
    expect(masked('.env', 'A=\0', 'B=1')).toBe('binary; sensitive, nothing is shown');
    expect(masked('.env', null, 'x'.repeat(2 << 20))).toBe('too large to show; sensitive, nothing is shown');
    expect(masked('.env', 'A=1\n', 'A=12345678901234567890\n')).toBe(masked('.env', 'A=4321\n', 'A=1\n'));
  });

  test('whatever the file, no piece of a value is in it', () => {
    fc.assert(
      fc.property(
        dotenvText(),
        dotenvText(),
        fc.constantFrom('.env', 'conf/app.env', '.env.local'),
        (before, after, path) => {
          const result = masked(path, before, after);
          const allowed = new Set([...namesIn(before), ...namesIn(after)]);
          for (const line of result.split('\n').slice(2)) {
            if (line === '' || line.startsWith('@@ ') || line.startsWith('\\ ')) continue;
            const [, name] = /^[ +-](?:(.*)=)?\*{8}$/.exec(line) ?? [undefined, 'not masked'];
            if (name !== undefined) expect(allowed).toContain(name);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('random secrets in random places never come out', () => {
    const places = (minLength: number) => fc.array(placeForSecret(), { minLength, maxLength: 8 });
    fc.assert(
      fc.property(
        places(1),
        places(0),
        fc.array(secret(), { minLength: 20, maxLength: 20 }),
        (before, after, secrets) => {
          let used = 0;
          const fill = (texts: readonly string[]) =>
            texts.join('').replaceAll('@', () => secrets[used++ % secrets.length] as string);
          const result = masked('.env', fill(before), fill(after));
          for (const text of secrets) {
            for (let start = 0; start + 4 <= text.length; start += 1) {
              expect(result).not.toContain(text.slice(start, start + 4));
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** Of letters that our own words do not hold; not in capitals only, which would make it a name. */
function secret(): fc.Arbitrary<string> {
  const letters = fc.constantFrom(...'QZqz456789');
  return fc.string({ unit: letters, minLength: 7, maxLength: 15 }).map((text) => `q${text}`);
}

/** Lines of all kinds, with `@` where a secret will be. */
function placeForSecret(): fc.Arbitrary<string> {
  return fc.constantFrom(
    'A=@\n',
    'export B=@\n',
    'C: @\n',
    '# @\n',
    'D="@\n',
    '@\n',
    '@"\n',
    "E='@\n",
    "@'\n",
    'F=1 # @\n',
    'G=@=@\r\n',
    ' H = @\n',
    '@=\n',
    '"@"\n',
    'I=${J:-@}\n',
    'K=@',
    '\u0000@\n',
    '\n',
    'L="a\\"@"\n',
    'M="@\nN=@"\n',
  );
}

function dotenvText(): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(
      'A',
      'B_C',
      'export ',
      '=',
      ':',
      '"',
      "'",
      '#',
      ' ',
      '\n',
      '\n',
      '\r\n',
      '$',
      '${',
      '}',
      '\\',
      'value',
      'TOKEN',
      '\uFEFF',
    ),
    fc.string({ maxLength: 6 }),
  );
  return fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
}

function namesIn(text: string): string[] {
  const dotenv = parseDotenv(text);
  return 'error' in dotenv ? [] : [...dotenv.lineStarts.values()];
}

function diff(path: string, before: string | Buffer | null, after: string | Buffer | null) {
  return diffFile({ path, before: toBuffer(before), after: toBuffer(after), sensitive: false });
}

function masked(path: string, before: string | null, after: string | null): string {
  return diffFile({ path, before: toBuffer(before), after: toBuffer(after), sensitive: true } satisfies DiffInput).diff;
}

function toBuffer(text: string | Buffer | null): Buffer | null {
  return text === null ? null : Buffer.from(text as string);
}
