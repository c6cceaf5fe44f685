import { describe, expect, it } from 'vitest';
import { formatReportDiffs, formatReportText, formatSummary } from '../../src/controller/report-text.js';
import { plainPaint } from '../../src/plan/format-text.js';
import { composeDiff, emptyPlan, item, mixedReport, report, upgradePlan } from '../support/report-fixtures.js';

const plain = { paint: plainPaint, verbose: false };
const tagged = Object.fromEntries(
  Object.keys(plainPaint).map((name) => [name, (text: string) => `<${name}>${text}</${name}>`]),
) as unknown as typeof plainPaint;

describe('the report in a terminal', () => {
  it('shows one of each result as an operator reads it', () => {
    expect(formatReportText(mixedReport(), plain)).toBe(`\
acme on edmonton-1: v2.4.0 -> v2.4.1 (changed)
  variables that the compose file needs and the tenant's .env lacks
    API_KEY    newly needed, refused: compose refuses to start without it
    SMTP_HOST  newly needed: compose puts an empty string
    OLD        lacking before too: compose puts an empty string
  warning: nginx/old.conf is no longer rendered and was edited on the host: it is kept, and from now on the tenant's own
  files
    modified  .env                update (sensitive: values masked)
    modified  docker-compose.yml  update
    created   nginx/nginx.conf    drift (deleted on the host)
    kept      nginx/old.conf      no longer rendered, but edited on the host
  containers
    recreate  api    image changed: app:v2.4.0 -> app:v2.4.1
    restart   nginx  nginx/nginx.conf changed
    nothing   db
  steps
    1. pull: update v2.4.0 -> v2.4.1
    2. write 3 files, remove 1 file
    3. up api: image changed: app:v2.4.0 -> app:v2.4.1
    4. restart nginx: nginx/nginx.conf changed
    5. verify: update v2.4.0 -> v2.4.1
    6. record: update v2.4.0 -> v2.4.1
  --- .env
  +++ .env
  @@ -1,1 +1,1 @@
  -PASSWORD=***
  +PASSWORD=*** (changed)
  ... 7 more lines left out
  --- docker-compose.yml
  +++ docker-compose.yml
  @@ -1,3 +1,3 @@
   services:
     api:
  -    image: app:v2.4.0
  +    image: app:v2.4.1

beta on edmonton-1: v2.4.1 (in sync)

coop on edmonton-1: v2.4.0 -> v2.4.1 (waiting: Suspended)
  waiting: suspended in its manifest
    remove spec.suspend to go on
  files
    modified  .env                update (sensitive: values masked)
    modified  docker-compose.yml  update
    created   nginx/nginx.conf    drift (deleted on the host)
    kept      nginx/old.conf      no longer rendered, but edited on the host
  containers
    recreate  api    image changed: app:v2.4.0 -> app:v2.4.1
    restart   nginx  nginx/nginx.conf changed
    nothing   db
  steps
    1. pull: update v2.4.0 -> v2.4.1
    2. write 3 files, remove 1 file
    3. up api: image changed: app:v2.4.0 -> app:v2.4.1
    4. restart nginx: nginx/nginx.conf changed
    5. verify: update v2.4.0 -> v2.4.1
    6. record: update v2.4.0 -> v2.4.1
  docker-compose.yml: the same diff as docker-compose.yml of acme

delta on edmonton-1: v2.4.1 (failed)
  ImageNotFound during pull: the registry has no app:v2.4.1
    push it, or commit another tag

echo (failed)
  ManifestInvalid: its manifest has problems
    manifests/echo.yaml:4:13: error: spec.imageTag must be a Docker tag
        imageTag: "a b"
                  ^
      letters, digits, "_", "." and "-"

manifests/hosts.yaml:2: error: unknown field

5 instances: 1 in sync, 1 changed, 1 waiting, 2 failed; 2 problems in desired state
`);
  });

  it('gives a suspended instance one line in a real run, and its whole plan with --verbose', () => {
    const suspended = mixedReport().items.filter(({ slug }) => slug === 'beta' || slug === 'coop');
    const run = report(suspended, { dryRun: false });
    expect(formatReportText(run, plain)).toBe(`\
beta on edmonton-1: v2.4.1 (in sync)
coop on edmonton-1: v2.4.0 -> v2.4.1 (waiting: Suspended), -v or --dry-run shows its plan

2 instances: 1 in sync, 1 waiting
`);
    expect(formatReportText(run, { paint: plainPaint, verbose: true })).toContain(`\
coop on edmonton-1: v2.4.0 -> v2.4.1 (waiting: Suspended)
  waiting: suspended in its manifest
    remove spec.suspend to go on
  files
`);
  });

  it('lists every write with --verbose, and repeats no finding', () => {
    const text = formatReportText(report([item('acme', { result: 'changed', plan: upgradePlan() })]), {
      paint: plainPaint,
      verbose: true,
    });
    expect(text).toContain('    2. write .env (0600): update\n');
    expect(text).toContain('    4. write nginx/nginx.conf (0644, in place): drift (deleted on the host)\n');
    expect(text).toContain('    5. remove nginx/gone.conf: no longer rendered\n');
  });

  it('says in a few words what a run did, without diffs', () => {
    const applied = {
      generation: 4,
      phases: [
        { phase: 'pull', durationMs: 1500 },
        { phase: 'up', durationMs: 2600 },
      ],
      recreated: ['api'],
      restarted: ['nginx'],
    } as const;
    const plan = emptyPlan({ fromImageTag: 'v2.4.0' });
    const run = report([item('acme', { result: 'converged', plan, applied, diffs: [composeDiff] })], { dryRun: false });
    expect(formatReportText(run, plain)).toBe(`\
acme on edmonton-1: v2.4.0 -> v2.4.1 (converged)
  applied as generation 4 in 4.1s

1 instance: 1 converged
`);
    expect(formatReportText(run, { paint: plainPaint, verbose: true })).toContain(
      '  applied as generation 4 in 4.1s (pull 1.5s, up 2.6s)\n    made anew: api\n    restarted: nginx\n',
    );
  });

  it('counts the instances in sync of a large fleet, and lists what is not', () => {
    const many = Array.from({ length: 40 }, (_, at) => item(`tenant-${String(at).padStart(2, '0')}`));
    const remarked = item('zeta', { plan: emptyPlan({ warnings: ['x is kept'] }) });
    const failed = item('acme', {
      result: 'failed',
      plan: null,
      error: { code: 'HostUnreachable', message: 'no answer', hint: null, phase: null, problems: [] },
    });
    expect(formatReportText(report([failed, ...many, remarked]), plain)).toBe(`\
acme on edmonton-1: v2.4.1 (failed)
  HostUnreachable: no answer

41 instances in sync, 1 of them with remarks (--verbose lists them)

42 instances: 41 in sync, 1 failed
`);
  });

  it('shows what would move a cursor or colour the terminal instead of sending it', () => {
    const diff = { ...composeDiff, diff: '@@ -1 +1 @@\n-a\u001b[2J\r\n+b\u202ec\n' };
    const text = formatReportText(
      report([item('acme', { result: 'changed', plan: upgradePlan(), diffs: [diff] })]),
      plain,
    );
    expect(text).toContain('  -a\\x1b[2J\\r\n  +b\\u202ec\n');
  });

  it('colours additions, removals and hunk heads, not lines that only look like them', () => {
    const diff = { ...composeDiff, diff: '--- a\n+++ b\n@@ -1,2 +1,2 @@\n--- sql comment\n+new\n' };
    expect(formatReportDiffs(report([item('acme', { result: 'changed', diffs: [diff] })]), tagged)).toBe(
      '<bold>acme</bold> on edmonton-1: v2.4.1 (<yellow>changed</yellow>)\n<bold>--- a</bold>\n<bold>+++ b</bold>\n' +
        '<cyan>@@ -1,2 +1,2 @@</cyan>\n<red>--- sql comment</red>\n<green>+new</green>\n',
    );
  });

  it('says what a binary file is instead of a diff', () => {
    const diff = { path: 'logo.png', diff: 'binary file, 3 KiB -> 4 KiB', truncated: false, omittedLines: 0 };
    expect(formatReportDiffs(report([item('acme', { diffs: [diff] })]), plainPaint)).toContain(
      'logo.png: binary file, 3 KiB -> 4 KiB\n',
    );
  });

  it.each([
    [[], '0 instances'],
    [[item('a')], '1 instance: 1 in sync'],
    [[item('a'), item('b', { result: 'waiting' })], '2 instances: 1 in sync, 1 waiting'],
  ])('summarises in one line', (items, line) => {
    expect(formatSummary(report(items))).toBe(line);
  });
});
