// biome-ignore-all lint/suspicious/noTemplateCurlyInString: braces and dollar signs are what this is about
import { describe, expect, it } from 'vitest';
import type { DesiredInstance } from '../../src/manifest/desired-state.js';
import { type Folder, makeTemplate, problemsOf, renderProblems, renderText, show, tryTemplate } from './support.js';

/** What rendering `out.txt.mustache` minds. */
function findings(text: string, instance: Partial<DesiredInstance> = {}, folder: Folder = {}): string[] {
  const problems = renderProblems(makeTemplate({ 'files/out.txt.mustache': text, ...folder }), instance);
  return problems.map((problem) => problem.replace('shop/files/out.txt.mustache:', ''));
}

/** What building a template of that text minds. */
function faults(text: string, folder: Folder = {}): string[] {
  const { problems } = tryTemplate({ 'files/out.txt.mustache': text, ...folder });
  return problems.map((problem) => show(problem).replace('shop/files/out.txt.mustache:', ''));
}

describe('a view', () => {
  it('gives slug, imageTag, host, fleet, registered, labels and values, unescaped', () => {
    const text =
      '{{slug}} {{imageTag}} {{host}} {{fleet}} {{registered}} {{labels.tier}} {{values.a.b}} {{{values.c}}}';
    const instance = { labels: { tier: 'gold' }, values: { a: { b: '<&"\'/=`>' }, c: 1.5 } };
    expect(renderText(text, instance)).toBe('acme v1.2.3 edmonton-1 production false gold <&"\'/=`> 1.5');
  });

  it('serves sections over lists, maps, texts, true and false, and inverted ones', () => {
    const values = {
      list: [1, 'b', false],
      maps: [{ n: 'x' }, { n: 'y' }],
      map: { n: 'z' },
      text: 't',
      yes: true,
      no: false,
    };
    const text =
      '{{#values.list}}[{{.}}]{{/values.list}} {{#values.maps}}{{n}}@{{slug}} {{/values.maps}}' +
      '{{#values.map}}{{n}}{{/values.map}} {{#values.text}}{{.}}{{/values.text}} {{#values.yes}}yes{{/values.yes}}' +
      '{{#values.no}}{{never.looked.at}}{{/values.no}}{{^values.no}} no{{/values.no}}';
    expect(renderText(text, { values })).toBe('[1][b][false] x@acme y@acme z t yes no');
  });

  it('takes list indexes and the length of a list for names', () => {
    expect(renderText('{{values.list.1}}/{{values.list.length}}', { values: { list: ['a', 'b'] } })).toBe('b/2');
  });

  it('knows a value that is declared as null, false or empty in a section', () => {
    for (const smtp of [null, false, '', 0, []]) {
      expect(
        renderText('a{{#values.smtp}}{{host}}{{/values.smtp}}{{^values.smtp}}b{{/values.smtp}}', { values: { smtp } }),
      ).toBe('ab');
    }
  });
});

describe('an unknown name', () => {
  it('is an error with its place and the nearest name', () => {
    expect(findings('one\ntwo {{imageTga}}\n')).toEqual(['2:5: unknown variable imageTga [did you mean imageTag?]']);
  });

  it('shows the line with a caret below the tag', () => {
    const template = makeTemplate({ 'files/out.txt.mustache': '\thost: {{hots}} # x\r\n' });
    expect(problemsOf(template)[0]?.excerpt).toBe('\thost: {{hots}} # x\n\t      ^');
  });

  it('is mended part by part, from what is there', () => {
    const values = { smtp: { host: 'h' }, domain: 'd' };
    expect(findings('{{values.smpt.host}} {{values.smtp.hots}} {{valeus.domain}} {{domain}}', { values })).toEqual([
      '1:1: unknown variable values.smpt.host [did you mean values.smtp.host?]',
      '1:22: unknown variable values.smtp.hots [did you mean values.smtp.host?]',
      '1:43: unknown variable valeus.domain [did you mean values.domain?]',
      '1:61: unknown variable domain [did you mean values.domain?]',
    ]);
  });

  it('is an error as a section and as an inverted section', () => {
    expect(findings('{{#values.smtp}}x{{/values.smtp}}{{^tls}}y{{/tls}}')).toEqual([
      '1:1: unknown section values.smtp [what may be absent must be declared: set it to null, false or empty]',
      '1:34: unknown section tls [what may be absent must be declared: set it to null, false or empty]',
    ]);
  });

  it('is an error for each place and not for each element of a loop', () => {
    const values = { list: [{ name: 'a' }, { nam: 'b' }, { nam: 'c' }] };
    expect(findings('{{#values.list}}\n{{name}} {{slgu}}\n{{/values.list}}', { values })).toEqual([
      '2:1: unknown variable name [did you mean nam?]',
      '2:10: unknown variable slgu [did you mean slug?]',
    ]);
  });

  it.each([
    'constructor',
    'constructor.name',
    '__proto__',
    '__proto__.toString',
    'toString',
    'hasOwnProperty',
    'values.constructor',
    'values.list.map',
    'values.list.constructor.name',
    'values.text.length',
    'values.text.constructor',
    'labels.__proto__.x',
    '',
    'a b',
    '..',
    '.slug',
    'slug.',
    'values..text',
  ])('is what {{%s}} is: nothing of a prototype is reached', (name) => {
    const values = { list: [1], text: 'hi' };
    const [problem, ...others] = findings(`{{${name}}}`, { values });
    expect(problem?.startsWith(`1:1: unknown variable ${name || '(empty)'}`)).toBe(true);
    expect(others).toEqual([]);
  });

  it('is not found in a section over what is no map', () => {
    expect(findings('{{#values.text}}{{length}}{{/values.text}}', { values: { text: 'hi' } })).toEqual([
      '1:17: unknown variable length',
    ]);
  });

  it('is found where an own member has a dangerous name', () => {
    const values = JSON.parse('{"__proto__": "own", "constructor": {"name": "mine"}}') as DesiredInstance['values'];
    expect(renderText('{{values.__proto__}} {{values.constructor.name}}', { values })).toBe('own mine');
  });
});

describe('a value that is no text', () => {
  it('is an error where a text is wanted', () => {
    const values = { map: {}, list: [], none: null };
    expect(
      findings('{{values.map}} {{values.list}} {{{values.none}}} {{#values}}{{.}}{{/values}}', { values }),
    ).toEqual([
      '1:1: values.map is a map, not a text',
      '1:16: values.list is a list, not a text',
      '1:32: values.none is null, not a text [give it a value, or put it in a section {{#NAME}}...{{/NAME}}]',
      '1:61: . is a map, not a text',
    ]);
  });
});

describe('a dollar sign before a tag', () => {
  const either = `for a value of the view write {{NAME}}, for a variable of the tenant \${NAME}`;

  it.each(['a: ${{{X}}}', 'a: ${{{X}}:-d}', 'a: ${{{X}}}}}', 'a: $${{{X}}}', '{{#slug}}\na: ${{{ X }}}\n{{/slug}}'])(
    'is refused with three braces: %s',
    (text) => {
      const [problem, ...others] = faults(text);
      expect(problem).toBe(
        `${text.includes('\n') ? '2' : '1'}:${text.includes('$$') ? 5 : 4}: \`\${{{\` is refused: mustache takes all three braces as its own, and the braces that compose needs are lost ` +
          `[${either}; for both in one, change the delimiters: {{=<% %>=}}\${<% NAME %>}<%={{ }}=%>]`,
      );
      expect(others).toEqual([]);
    },
  );

  it('is refused with two braces, unless the dollar sign is itself escaped', () => {
    expect(faults('a: ${{slug}} $$${{slug}}')).toEqual(
      ['1:4', '1:16'].map(
        (place) =>
          `${place}: \`\${{\` is refused: the value would follow the dollar sign, and compose would read both as a variable ` +
          `[${either}; for a dollar sign before a value write $\${{NAME}}, or where compose does not read the file {{=<% %>=}}$<% NAME %>]`,
      ),
    );
    expect(renderText('a: $${{slug}} $$$${{slug}} $ {{slug}} $' + '{A}{{slug}}')).toBe(
      'a: $$acme $$$$acme $ acme $' + '{A}acme',
    );
  });

  it('can be had by other delimiters', () => {
    expect(renderText('{{=<% %>=}}${<% slug %>} $<% host %>{{x}}<%={{ }}=%> {{slug}}')).toBe(
      '${acme} $edmonton-1{{x}} acme',
    );
  });
});

describe('a template text that mustache cannot parse', () => {
  it.each([
    ['a\nb {{slug', '2:3: this tag does not close'],
    ['{{{slug}}', '1:1: this tag does not close'],
    ['{{slug}} {{/x}}', '1:10: {{/x}} closes a section that is not open'],
    ['a\n {{#x}} {{#y}}{{/y}}\n', '2:2: section x is not closed before the end of the file'],
    ['{{#x}}\n{{#y}}\n{{/x}}', '2:1: section y is not closed before the tag on line 3'],
    ['a {{=<%=}}', '1:3: these are no delimiters: write two, with a space between, as in {{=<% %>=}}'],
  ])('%j is told with its place', (text, problem) => {
    expect(faults(text)).toEqual([problem]);
  });

  it('is told when sections are nested without end', () => {
    const text = '{{#values}}'.repeat(65) + '{{/values}}'.repeat(65);
    expect(faults(text)).toEqual(['1:705: sections are nested more than 64 deep']);
  });
});

describe('a partial', () => {
  it('is indented as its tag is, and may use other partials', () => {
    const partials = { 'partials/a.mustache': 'one\n{{> b/c}}\n', 'partials/b/c.mustache': 'two {{slug}}\n\nthree\n' };
    expect(renderText('x:\n  {{> a}}\ny\n', {}, partials)).toBe('x:\n  one\n  two acme\n\n  three\ny\n');
  });

  it('that is not there is an error with the nearest name', () => {
    const partials = { 'partials/service.mustache': '' };
    expect(faults('a {{> servcie}}', partials)).toEqual(['1:3: unknown partial servcie [did you mean service?]']);
    expect(faults('{{#slug}}{{> x}}{{/slug}}')).toEqual([
      '1:10: unknown partial x [partials are files named partials/NAME.mustache]',
    ]);
  });

  it('that includes itself is an error, in the partial', () => {
    const partials = { 'partials/a.mustache': '{{> b}}', 'partials/b.mustache': 'x {{> a}}' };
    expect(faults('{{> a}}', partials)).toEqual([
      'shop/partials/b.mustache:1:3: partial a includes itself: a -> b -> a',
      'shop/partials/a.mustache:1:1: partial b includes itself: b -> a -> b',
    ]);
  });

  it('is where a finding in it is told, without the indentation it was given', () => {
    const partials = { 'partials/a.mustache': 'one\n two {{nope}}\n' };
    expect(findings('    {{> a}}\n  {{> a}}\n', {}, partials)).toEqual([
      'shop/partials/a.mustache:2:6: unknown variable nope',
    ]);
  });

  it('cannot grow without end', () => {
    const partials: Record<string, string> = { 'partials/p0.mustache': 'x' };
    for (let i = 1; i < 40; i++) partials[`partials/p${i}.mustache`] = `{{> p${i - 1}}}{{> p${i - 1}}}`;
    const [problem] = findings('{{> p39}}', {}, partials);
    expect(problem).toContain('renders to more than 16 MiB, or in more than 1000000 steps');
  });
});
