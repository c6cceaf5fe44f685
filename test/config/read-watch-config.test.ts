import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWatchConfig } from '../../src/config/read-watch-config.js';
import { HEAD, show } from './support.js';

const problemsOf = (text: string) => readWatchConfig('watch.yaml', text).problems.map(show);

describe('a configuration', () => {
  it('may say everything', () => {
    const text = `${HEAD}spec:
  source:
    git:
      url: https://git.example.org/ops/fleet.git
      branch: main
      manifests: fleet/manifests
      templates: fleet/templates
      interval: 1m
      verify: { allowedSigners: ./allowed_signers }
  state: /var/lib/flotilla
  pki: /etc/flotilla/pki/controller
  listen: "[::1]:7480"
  concurrency: { total: 64, perHost: 2 }
  resync: { schedule: '0 * * * *', timeZone: Europe/Berlin, jitter: 0s }
  shrinkTo: 0
  history: { retention: 1d12h }
  webhooks: [{ provider: gitea, secretFile: ./secret }, { provider: gitea, secretEnv: SECRET }]
  notifications:
    - { type: slack, urlEnv: SLACK_URL, atLeast: warning, template: '{{message}}' }
    - { type: webhook, url: 'https://alerts.example.org', headers: { X-Team: ops }, headersFile: ./headers }
  log: { level: debug }
`;
    const { spec, problems } = readWatchConfig('watch.yaml', text);
    expect(problems).toEqual([]);
    expect(spec?.source?.git?.interval).toBe('1m');
  });

  it.each([
    ['', 'watch.yaml: expected exactly one document, of kind WatchConfig'],
    [`${HEAD}spec: {}\n---\n${HEAD}spec: {}\n`, 'watch.yaml: expected exactly one document, of kind WatchConfig'],
    ['- a\n', 'watch.yaml:1:1: expected a map with apiVersion, kind and spec\n- *\n^'],
    [
      'apiVersion: flotilla.dev/v1\nkind: WatchConfg\nspec: {}\n',
      'watch.yaml:2:7: kind: expected WatchConfig, found "WatchConfg"\nkind: WatchConfg\n      ^\n(did you mean WatchConfig?)',
    ],
    [
      `${HEAD}spec:\n  stat: ./state\n`,
      'watch.yaml:4:3: unknown field "stat" in spec\n  stat: *******\n  ^\n(did you mean state?)',
    ],
    [
      `${HEAD}spec: { concurrency: { perHost: 0 } }\n`,
      'watch.yaml:3:33: spec.concurrency.perHost: expected a whole number from 1 to 256, found the number 0\nspec: { concurrency: { perHost: 0 } }\n                                ^',
    ],
    [
      `${HEAD}spec: { listen: 127.0.0.1:65536 }\n`,
      'watch.yaml:3:17: spec.listen: expected ADDRESS:PORT, such as 127.0.0.1:7480 or [::1]:7480, or off, found "127.0.0.1:65536"\nspec: { listen: 127.0.0.1:65536 }\n                ^',
    ],
    [
      `${HEAD}spec: { log: { level: warning } }\n`,
      'watch.yaml:3:23: spec.log.level: expected error or warn or info or debug or trace, found "warning"\nspec: { log: { level: warning } }\n                      ^',
    ],
    [
      `${HEAD}spec: { resync: { schedule: '61 * * * *' } }\n`,
      `watch.yaml:3:29: spec.resync.schedule: expected a cron expression of five fields, found "61 * * * *"\nspec: { resync: { schedule: '61 * * * *' } }\n                            ^\n(such as */10 * * * * for every ten minutes)`,
    ],
    [
      `${HEAD}spec: { resync: { schedule: '15 */10 * * * *' } }\n`,
      `watch.yaml:3:29: spec.resync.schedule: expected a cron expression of five fields, found "15 */10 * * * *"\nspec: { resync: { schedule: '15 */10 * * * *' } }\n                            ^\n(such as */10 * * * * for every ten minutes)`,
    ],
    [
      `${HEAD}spec: { resync: { schedule: '0 * * *' } }\n`,
      `watch.yaml:3:29: spec.resync.schedule: expected a cron expression of five fields, found "0 * * *"\nspec: { resync: { schedule: '0 * * *' } }\n                            ^\n(such as */10 * * * * for every ten minutes)`,
    ],
    [
      `${HEAD}spec: { resync: { timeZone: Europe/Berln } }\n`,
      'watch.yaml:3:29: spec.resync.timeZone: expected a time zone, found "Europe/Berln"\nspec: { resync: { timeZone: Europe/Berln } }\n                            ^\n(by its IANA name, such as Europe/Berlin or UTC)',
    ],
    [
      `${HEAD}spec: { history: { retention: 5m } }\n`,
      'watch.yaml:3:31: spec.history.retention: expected a duration of at least 1h, found "5m"\nspec: { history: { retention: 5m } }\n                              ^',
    ],
    [
      `${HEAD}spec: { source: { git: { url: ../fleet, interval: 100ms, branch: a, tag: b } } }\n`,
      'watch.yaml:3:69: spec.source.git: expected at most one of branch, tag, found branch and tag\nspec: { source: { git: { url: ../fleet, interval: 100ms, branch: a, tag: b } } }\n                                                                    ^',
      'watch.yaml:3:51: spec.source.git.interval: expected a duration of at least 1s, found "100ms"\nspec: { source: { git: { url: ../fleet, interval: 100ms, branch: a, tag: b } } }\n                                                  ^',
    ],
    [
      `${HEAD}spec:\n  source:\n    directory: {}\n    git: { url: a }\n`,
      'watch.yaml:4:3: spec.source: expected exactly one of directory and git, found directory and git\n  source:\n  ^',
    ],
    [
      `${HEAD}spec:\n  webhooks:\n    - provider: github\n`,
      'watch.yaml:5:7: spec.webhooks[0]: expected exactly one of secretFile, secretEnv, found none\n    - provider: github\n      ^',
    ],
    [
      `${HEAD}spec:\n  notifications:\n    - { type: slack, urlEnv: A, template: a, templateFile: b }\n`,
      'watch.yaml:5:46: spec.notifications[0]: expected at most one of template, templateFile, found template and templateFile\n    - { type: slack, urlEnv: A, template: a, templateFile: b }\n                                             ^',
    ],
  ])('%j is refused with its place', (text, ...problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  it('tells all that is wrong at once', () => {
    expect(
      problemsOf(`${HEAD}spec: { sate: a, shrinkTo: 2, listen: x, webhooks: [{ provider: gitub }] }\n`),
    ).toHaveLength(4);
  });

  it.each([
    ['http://git.example.org/a', 'found http'],
    ['git://git.example.org/a', 'found git'],
    ['ext::sh -c x', 'found ext'],
    ['https://me:hunter2hunter2@git.example.org/a', 'an address without a password'],
    ['--upload-pack=x', 'expected the address of a repository'],
  ])('does not read from %s', (url, message) => {
    const [problem, ...others] = problemsOf(`${HEAD}spec: { source: { git: { url: '${url}' } } }\n`);
    expect(others).toEqual([]);
    expect(problem).toContain(message);
    expect(problem).not.toContain('hunter2');
  });
});

describe('a secret in a configuration', () => {
  const SECRET = 'hunter2hunter2';

  it.each([
    ['in the place of a file', `webhooks: [{ provider: github, secret: ${SECRET} }]`],
    ['beside a slip', `notifications: [{ type: slack, url: "https://a.example.org/${SECRET}", atLeest: info }]`],
    ['that is no URL', `notifications: [{ type: slack, url: ${SECRET} }]`],
    ['in a header of two lines', `notifications: [{ type: webhook, urlEnv: A, headers: { A: "${SECRET}\\n" } }]`],
    ['under a slip', `notification: [{ type: slack, url: "https://a.example.org/${SECRET}" }]`],
    ['where a list should be', `webhooks: ${SECRET}`],
    ['in a text that is not closed', `notifications: [{ type: slack, url: "https://a.example.org/${SECRET} }]`],
    ['of a repository', `source: { git: { url: "https://me:${SECRET}@git.example.org/a", interval: 1 } }`],
  ])('is not shown %s', (_, spec) => {
    const problems = problemsOf(`${HEAD}spec:\n  ${spec}\n`);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain(SECRET);
    expect(problems.join('\n')).toMatch(/^watch\.yaml:\d+:\d+: /);
  });

  it('that is a number is not shown in the hint at its quotes', () => {
    const problems = problemsOf(
      `${HEAD}spec: { notifications: [{ type: webhook, urlEnv: A, headers: { A: 90214467 } }] }\n`,
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('(put it in quotes)');
    expect(problems[0]).not.toContain('90214467');
  });

  it('is not shown wherever it stands and however it is written', () => {
    const place = fc.constantFrom('url', 'headers', 'secret', 'token', 'Secretfile', 'template s');
    const slip = fc.constantFrom('', 'x: 1', '"a b": c', 'atLeast: nothing', 'type: [1]');
    const quote = fc.constantFrom('', '"', "'");
    const list = fc.constantFrom('webhooks', 'notifications', 'notify');
    fc.assert(
      fc.property(list, place, slip, quote, fc.boolean(), (name, field, other, q, block) => {
        const [open, close] = block ? ['\n    - ', ''] : [' [{ ', ' }]'];
        const text = `${HEAD}spec:\n  ${name}:${open}${field}: ${q}${SECRET}${q}${other ? (block ? `\n      ${other}` : `, ${other}`) : ''}${close}\n`;
        const problems = problemsOf(text);
        expect(problems).not.toEqual([]);
        expect(problems.join('\n')).not.toContain(SECRET);
      }),
    );
  });
});
