import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkNoticeTemplate, compileNoticeTemplate } from '../../src/notify/notice-template.js';
import { formatSlackText } from '../../src/notify/slack-text.js';
import { NOTICE } from './support.js';

const maybe = fc.option(fc.string({ unit: 'binary' }));
const noticeArbitrary = fc.record({
  ...Object.fromEntries(Object.entries(NOTICE).map(([name, value]) => [name, fc.constant(value)])),
  slug: maybe,
  host: maybe,
  fleet: maybe,
  revision: maybe,
  author: maybe,
  fromImageTag: maybe,
  toImageTag: maybe,
  message: fc.string({ unit: 'binary' }),
}) as unknown as fc.Arbitrary<typeof NOTICE>;

describe('checking', () => {
  test.each([
    ['{"text":"{{event}} {{slug}} {{message}}"}'],
    ['{"text":"{{message}}"{{#slug}},"slug":"{{slug}}"{{/slug}}{{^slug}},"slug":null{{/slug}}}'],
    ['{{=<% %>=}}{"text":"<% message %>"}'],
  ])('takes %s', (template) => {
    expect(checkNoticeTemplate(template, 'webhook')).toBeNull();
  });

  test.each([
    ['an unknown name', '{"a":"{{mesage}}"}', 'a notice has no mesage: did you mean message?'],
    ['an unknown section', '{"a":"{{#hots}}x{{/hots}}"}', 'did you mean host?'],
    ['an unknown name within a section', '{"a":"{{#host}}{{slg}}{{/host}}"}', 'did you mean slug?'],
    ['a name like no other', '{"a":"{{constructor}}"}', 'a notice has event, severity, slug,'],
    ['a path', '{"a":"{{slug.length}}"}', 'a notice has no slug.length'],
    ['a value that is not escaped', '{"a":"{{{message}}}"}', 'message is not escaped: write {{message}}'],
    ['another that is not escaped', '{"a":"{{&message}}"}', 'message is not escaped: write {{message}}'],
    ['a partial', '{"a":"{{>other}}"}', '{{>other}}: a notice has no partials'],
    ['a tag that does not close', '{"a":"{{slug"}', 'the template cannot be read: Unclosed tag'],
    ['text that is no JSON', 'hello {{slug}}', 'the template gives no JSON:'],
    ['a value without quotes', '{"a":{{slug}}}', 'the template gives no JSON:'],
    ['a section that leaves a comma', '{"a":1,{{#fleet}}"b":1{{/fleet}}}', 'no JSON for a notice without fleet:'],
  ])('refuses %s', (_, template, message) => {
    expect(checkNoticeTemplate(template, 'webhook')).toContain(message);
  });

  test('a text for Slack need not be JSON, but its names must be known', () => {
    expect(checkNoticeTemplate('hello *{{slug}}*', 'slack')).toBeNull();
    expect(checkNoticeTemplate('hello *{{slog}}*', 'slack')).toContain('did you mean slug?');
  });
});

test('a template that was taken gives JSON for whatever notice, with the values as they were', () => {
  const template = '{"m":"{{message}}"{{#slug}},"s":"{{slug}}"{{/slug}}{{^author}},"a":"nobody, {{host}}"{{/author}}}';
  expect(checkNoticeTemplate(template, 'webhook')).toBeNull();
  const render = compileNoticeTemplate(template, 'webhook');
  fc.assert(
    fc.property(noticeArbitrary, (notice) => {
      expect(JSON.parse(render(notice))).toEqual({
        m: notice.message,
        ...(notice.slug && { s: notice.slug }),
        ...(!notice.author && { a: `nobody, ${notice.host ?? ''}` }),
      });
    }),
  );
});

describe('the text for Slack', () => {
  const quiet = { ...NOTICE, revision: null, author: null };
  test.each([
    [{ kind: 'UpgradeSucceeded', severity: 'info' }, '*acme* on edmonton-1: v1.0.0 -&gt; v1.1.0 succeeded'],
    [{ kind: 'UpgradeSucceeded', severity: 'info', fromImageTag: null }, '*acme* on edmonton-1: v1.1.0 succeeded'],
    [
      { kind: 'Stalled', severity: 'error', reason: 'ComposeInvalid', message: 'no services' },
      '*acme* on edmonton-1: stalled: ComposeInvalid - no services (a person is needed)',
    ],
    [
      { kind: 'DriftDetected', severity: 'info', message: 'healed: api was gone' },
      '*acme* on edmonton-1: has drifted: healed: api was gone',
    ],
    [{ kind: 'Recovered', severity: 'info' }, '*acme* on edmonton-1: is well again'],
    [{ kind: 'TakenDown', severity: 'info', toImageTag: null }, '*acme* on edmonton-1: was taken down'],
    [
      { kind: 'TakeDownFailed', severity: 'warning', reason: 'VerifyFailed', message: 'web is left' },
      '*acme* on edmonton-1: cannot be taken down: VerifyFailed - web is left (will be tried again)',
    ],
    [
      {
        kind: 'SourceRefused',
        severity: 'error',
        slug: null,
        host: null,
        reason: 'SourceRefused',
        message: 'not signed',
      },
      '*desired state*: is refused: SourceRefused - not signed (a person is needed)',
    ],
    [
      { kind: 'HostFailed', severity: 'warning', slug: null, reason: 'TimedOut', message: 'no answer' },
      '*edmonton-1*: cannot be looked at: TimedOut - no answer (will be tried again)',
    ],
  ] as const)('of %o', (change, text) => {
    expect(formatSlackText({ ...quiet, ...change })).toBe(text);
  });

  test('whatever a notice says, it makes no link and calls nobody', () => {
    fc.assert(
      fc.property(noticeArbitrary, (notice) => {
        const text = formatSlackText({ ...notice, reason: '<!here>' });
        expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
      }),
    );
  });
});
