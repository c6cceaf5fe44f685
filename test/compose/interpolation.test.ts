// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are compose's own references
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Evaluation, interpolate, parseInterpolation } from '../../src/compose/interpolation.js';
import { templateText } from '../support/compose-arbitraries.js';

const ENV: Record<string, string> = { SET: 's', EMPTY: '', DOLLAR: '$SET' };
const run = (text: string, mode: Evaluation = 'eager') => interpolate(text, (name) => ENV[name], mode);
const expand = (text: string, mode?: Evaluation) => {
  const result = run(text, mode);
  return 'value' in result ? result.value : result;
};

describe('interpolate', () => {
  it.each([
    ['$SET ${SET}', 's s'],
    ['$$SET $${SET} $$$SET', '$SET ${SET} $s'],
    ['a$ $5 $( $- $', 'a$ $5 $( $- $'],
    ['$SETé', 'sé'],
    ['$DOLLAR', '$SET'],
    ['${UNSET:-d}${EMPTY:-d}${SET:-d}', 'dds'],
    ['${UNSET-d}${EMPTY-d}${SET-d}', 'ds'],
    ['${UNSET:+r}${EMPTY:+r}${SET:+r}', 'r'],
    ['${UNSET+r}${EMPTY+r}${SET+r}', 'rr'],
    ['${EMPTY?m}${SET:?m}', 's'],
    ['${UNSET:-x${EMPTY:-y${SET}}z}', 'xysz'],
    ['${UNSET:-{"k":1}}', '{"k":1}'],
    ['${UNSET:-{}} after', '{} after'],
    ['${UNSET:-a}\n${UNSET:-b}', 'a\nb'],
    ['${UNSET-b:-c}', 'b:-c'],
    ['${UNSET:--c}', '-c'],
    ['${UNSET:-$$}', '$'],
    ['${UNSET:-\r}', '\r'],
    ['${UNSET:-\u2028}', '\u2028'],
  ])('%j becomes %j', (text, value) => expect(expand(text)).toBe(value));

  it.each([
    ...[
      '${}',
      '${',
      '${SET',
      '${1A}',
      '${A B}',
      '${A:=x}',
      '${A:0:2}',
      '${A/x/y}',
      '${#A}',
      '${!A}',
      '${A.B}',
      '${{A}}',
    ],
    ...['${ A }', '${é}', '${A:-x\ny}', '${UNSET:-{}} ${B:-y}', '${UNSET:-${}}'],
  ])('%j is invalid', (text) => expect(run(text)).toHaveProperty('invalid'));

  it('warns once about each plain variable that is not set, sorted', () => {
    expect(run('$Z ${A} $Z $EMPTY ${B:-x}')).toMatchObject({ warned: ['A', 'Z'], required: [] });
  });

  it('collects every required variable with its interpolated message', () => {
    expect(run('${B:?need $SET} ${A?} ${EMPTY:?empty} ${EMPTY?fine}')).toMatchObject({
      required: [
        { name: 'B', message: 'need s' },
        { name: 'A', message: '' },
        { name: 'EMPTY', message: 'empty' },
      ],
    });
  });

  it('evaluates an argument that is not taken only when eager', () => {
    const text = '${SET:-$A}${UNSET:+${B:?b}}${SET:?$C}';
    expect(run(text, 'eager')).toMatchObject({ warned: ['A', 'C'], required: [{ name: 'B', message: 'b' }] });
    expect(run(text, 'lazy')).toMatchObject({ warned: [], required: [] });
    expect(run('${SET:-${}}', 'eager')).toEqual({ invalid: '${}' });
    expect(run('${SET:-${}}', 'lazy')).toMatchObject({ value: 's' });
  });

  it("takes the long s and the Kelvin sign for letters, as Go's case folding does", () => {
    expect(run('$\u017f ${A\u212a}')).toMatchObject({ warned: ['A\u212a', '\u017f'] });
  });

  it('does not throw, and is not slow, for any text', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(
        fc.oneof(templateText, fc.string({ maxLength: 200 })),
        fc.constantFrom('eager', 'lazy'),
        (text, mode) => {
          const result = run(text, mode);
          expect('invalid' in result || typeof result.value === 'string').toBe(true);
        },
      ),
    );
    for (const unit of ['${A:-', '${A:-}', '${A:-{}', '$', '${A:-x}\n', '${A:-\n', '{', 'A']) {
      const started = process.cpuUsage();
      run(unit.repeat(20_000));
      run(`${unit.repeat(20_000)}}`);
      expect(process.cpuUsage(started).user / 1000).toBeLessThan(2_000);
    }
  });

  it('leaves a text without a dollar as it is, and undoes the doubling of dollars', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(expand(text.replaceAll('$', '$$$$'))).toBe(text);
      }),
    );
  });

  it('warns lazily about nothing that it does not warn about eagerly', () => {
    fc.assert(
      fc.property(templateText, (text) => {
        const [eager, lazy] = [run(text, 'eager'), run(text, 'lazy')];
        if ('invalid' in eager || 'invalid' in lazy) return;
        expect(eager.warned).toEqual(expect.arrayContaining(lazy.warned));
        if (eager.required.length === 0) expect(lazy.value).toBe(eager.value);
      }),
    );
  });
});

describe('parseInterpolation', () => {
  it('gives references with their operators, those in arguments nested', () => {
    expect(parseInterpolation('$A $$B ${C:-x$D${E?}}')).toEqual({
      references: [
        { name: 'A', operator: '', nested: [] },
        {
          name: 'C',
          operator: ':-',
          nested: [
            { name: 'D', operator: '', nested: [] },
            { name: 'E', operator: '?', nested: [] },
          ],
        },
      ],
    });
  });

  it('gives the innermost text that is invalid', () => {
    expect(parseInterpolation('ok ${A:-x${}y}')).toEqual({ invalid: 'x${}y' });
    expect(parseInterpolation(`\${A:-${'${A:-'.repeat(5000)}${'}'.repeat(5001)}`)).toHaveProperty('invalid');
  });
});
