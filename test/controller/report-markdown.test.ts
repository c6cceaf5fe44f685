import { describe, expect, it } from 'vitest';
import { formatReportMarkdown } from '../../src/controller/report-markdown.js';
import { escapeMarkdown, fencedBlock, inlineCode } from '../../src/plan/format-markdown-safe.js';
import { composeDiff, emptyPlan, item, mixedReport, report, upgradePlan } from '../support/report-fixtures.js';

describe('the report as a comment', () => {
  it('puts variables and problems on top, a table next, then a folded section for each instance', () => {
    const text = formatReportMarkdown(mixedReport());
    expect(text.slice(0, text.indexOf('<details>'))).toBe(`\
<!-- flotilla reconcile report -->
### Flotilla: what reconciling would do

5 instances: 1 in sync, 1 changed, 1 waiting, 2 failed; 2 problems in desired state. Revision \`f00d\`.

> [!WARNING]
> Variables that tenants' \`.env\` files lack:
>
> - \`API_KEY\`: **refused** for \`acme\` until it has a value
> - \`SMTP_HOST\`: an empty string for \`acme\` unless it is set first

> [!CAUTION]
> Problems in desired state:
>
> - \`manifests/hosts.yaml:2\`: unknown field

| instance | host | tag | result | what happens |
|---|---|---|---|---|
| \`acme\` | \`edmonton-1\` | v2.4.0 → v2.4.1 | changed | 3 files; recreate api; restart nginx |
| \`coop\` | \`edmonton-1\` | v2.4.0 → v2.4.1 | waiting: Suspended | 3 files; recreate api; restart nginx |
| \`delta\` | \`edmonton-1\` | v2.4.1 | **failed** | ImageNotFound: the registry has no app:v2.4.1 |
| \`echo\` |  |  | **failed** | ManifestInvalid: its manifest has problems |

`);
    expect(text).toContain(`\
\`docker-compose.yml\`

\`\`\`diff
--- docker-compose.yml
+++ docker-compose.yml
@@ -1,3 +1,3 @@
 services:
   api:
-    image: app:v2.4.0
+    image: app:v2.4.1
\`\`\`
`);
    expect(text.match(/<details>/g)).toHaveLength(4);
    expect(text.match(/<\/details>/g)).toHaveLength(4);
  });

  it('is one line when all is in sync', () => {
    expect(formatReportMarkdown(report([item('acme')]))).toBe(
      '<!-- flotilla reconcile report -->\n### Flotilla: what reconciling would do\n\n1 instance: 1 in sync. Revision `f00d`.\n',
    );
  });

  it('stays within what GitHub takes, and says what it left out', () => {
    const long = { ...composeDiff, diff: `@@ -1 +1 @@\n${'+0123456789\n'.repeat(200)}` };
    const items = Array.from({ length: 1000 }, (_, at) =>
      item(`tenant-${at}`, { result: 'changed', plan: upgradePlan(), diffs: [long, { ...long, path: 'b' }] }),
    );
    const text = formatReportMarkdown(report(items));
    expect(text.length).toBeLessThanOrEqual(65_536);
    expect(text).toMatch(
      /Left out to fit into a comment: details of \d+ instances and \d+ diffs\. `flotilla diff SLUG`/,
    );
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
  });

  it('keeps small diffs when only a few do not fit', () => {
    const items = Array.from({ length: 40 }, (_, at) =>
      item(`tenant-${at}`, {
        result: 'changed',
        plan: emptyPlan(),
        diffs: [{ ...composeDiff, diff: `@@ -1 +1 @@\n${'+0123456789\n'.repeat(200)}` }],
      }),
    );
    const text = formatReportMarkdown(report(items));
    expect(text.length).toBeLessThanOrEqual(65_536);
    expect(text.match(/```diff/g)?.length).toBeGreaterThan(15);
    expect(text).toMatch(/Left out to fit into a comment: \d+ diffs\./);
  });

  it('is not broken by what a tenant wrote', () => {
    const hostile = { ...composeDiff, diff: '@@ -1 +1 @@\n-```\n+</details> <script>\n+````\n' };
    const text = formatReportMarkdown(
      report([item('acme', { result: 'changed', plan: upgradePlan(), diffs: [hostile] })]),
    );
    expect(text).toContain('`````diff\n@@ -1 +1 @@\n-```\n+</details> <script>\n+````\n`````\n');
  });
});

describe('escaping', () => {
  it.each([
    ['a | b', 'a \\| b'],
    ['<img src=x>', '&lt;img src=x&gt;'],
    ['*bold* _it_ `code` [a](b)', '\\*bold\\* \\_it\\_ \\`code\\` \\[a\\](b)'],
    ['ask @octocat about #12', 'ask @<!-- -->octocat about #<!-- -->12'],
    ['two\nlines', 'two lines'],
  ])('%j becomes %j', (text, expected) => expect(escapeMarkdown(text)).toBe(expected));

  it('code holds backticks and pipes', () => {
    expect(inlineCode('a`b')).toBe('``a`b``');
    expect(inlineCode('`a')).toBe('`` `a ``');
    expect(inlineCode('a|b')).toBe('`a\\|b`');
  });

  it('a fence is longer than any in its content', () => {
    expect(fencedBlock('````\n', '')).toBe('`````\n````\n`````\n');
  });
});
