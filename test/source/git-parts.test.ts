import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlotillaError } from '../../src/errors.js';
import { createBatchParser } from '../../src/source/git/batch-parser.js';
import { DamagedClone, fetchFailure, localFailure } from '../../src/source/git/git-failure.js';
import { fullRef, repositoryFolder } from '../../src/source/git/git-names.js';
import { describeGitUrl } from '../../src/source/git/git-url.js';
import { pathFault } from '../../src/source/git/path-fault.js';
import { planTree, selectEntries } from '../../src/source/git/plan-tree.js';
import { parseTreeEntries } from '../../src/source/git/tree-entry.js';

describe('the URL of a git source', () => {
  it.each([
    ['https://example.org/ops/fleet.git', 'https://example.org/ops/fleet.git'],
    ['https://example.org:8443/fleet', 'https://example.org:8443/fleet'],
    ['ssh://git@example.org:22/fleet.git', 'ssh://example.org:22/fleet.git'],
    ['git@example.org:ops/fleet.git', 'example.org:ops/fleet.git'],
    ['example.org:fleet', 'example.org:fleet'],
    ['/srv/git/fleet.git', '/srv/git/fleet.git'],
    ['file:///srv/git/fleet.git', 'file:///srv/git/fleet.git'],
  ])('%s is shown as %s', (url, shown) => expect(describeGitUrl(url)).toBe(shown));

  it.each([
    'http://example.org/fleet.git',
    'git://example.org/fleet.git',
    'ftp://example.org/fleet.git',
    'ext::sh -c touch',
    'ext::sh',
    'fd::7',
    '-uhunter2',
    '--upload-pack=touch',
    '-oProxyCommand=x:y',
    'git@-oProxyCommand=x:y',
    'ssh://-oProxyCommand=x/y',
    'fleet',
    '../fleet',
    '',
    'https://example.org/a\nb',
    'https://',
  ])('%j is refused', (url) => {
    expect(() => describeGitUrl(url)).toThrow(expect.objectContaining({ code: 'ConfigInvalid' }));
  });

  it.each([
    'https://ada:hunter2@example.org/fleet.git',
    'https://hunter2@example.org/fleet.git',
    'https://example.org/fleet.git?token=hunter2',
    'ssh://git:hunter2@example.org/fleet.git',
    'git:hunter2@example.org:fleet.git',
  ])('that carries a secret is refused, and the secret is not said again: %s', (url) => {
    let thrown: FlotillaError | undefined;
    try {
      describeGitUrl(url);
    } catch (error) {
      thrown = error as FlotillaError;
    }
    expect(thrown?.code).toBe('ConfigInvalid');
    expect(`${thrown?.message} ${thrown?.hint}`).not.toContain('hunter2');
    expect(thrown?.hint).toContain('credential helper');
  });
});

describe('names in a git repository', () => {
  it('are those of a branch or a tag', () => {
    expect(fullRef({ branch: 'main' })).toBe('refs/heads/main');
    expect(fullRef({ tag: 'release/v1.0' })).toBe('refs/tags/release/v1.0');
  });

  it.each([
    '',
    '-x',
    'a b',
    'a..b',
    'a:b',
    'a*',
    'a~1',
    'a^',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    '@',
    'a@{1}',
    'a\\b',
  ])('%j is none', (branch) =>
    expect(() => fullRef({ branch })).toThrow(expect.objectContaining({ code: 'ConfigInvalid' })),
  );

  it.each([
    ['manifests', 'manifests'],
    ['./a/../b/', 'b'],
    ['.', ''],
    ['./', ''],
  ])('the folder %j is %j', (folder, path) => expect(repositoryFolder(folder)).toBe(path));

  it.each(['', '/etc', '..', 'a/../../b', 'a\nb'])('%j is no folder of it', (folder) =>
    expect(() => repositoryFolder(folder)).toThrow(expect.objectContaining({ code: 'ConfigInvalid' })),
  );

  it.each([
    'a/../b',
    '../a',
    './a',
    'a//b',
    '/a',
    'a/',
    '.git/config',
    'a/.GIT/b',
    'a\u0000b',
    'a\nb',
    'a\\b',
    'n'.repeat(256),
    'd/'.repeat(1200),
  ])('%j is that of no file', (path) => expect(pathFault(path, true)).not.toBeNull());

  it.each(['a', '.env.mustache', 'a/.gitignore', 'ä/ö.yaml', 'a b', '...'])('%j is that of a file', (path) =>
    expect(pathFault(path, true)).toBeNull(),
  );
});

describe('objects as git prints them', () => {
  it('are read however they are cut', () => {
    const blobs = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(blobs, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (contents, cuts) => {
        const printed = Buffer.concat(
          contents.flatMap((content, index) => [
            Buffer.from(index % 3 === 2 ? `gone${index} missing\n` : ''),
            Buffer.from(`oid${index} blob ${content.length}\n`),
            Buffer.from(content),
            Buffer.from('\n'),
          ]),
        );
        const read: [string, number[]][] = [];
        const parse = createBatchParser((oid, content) => read.push([oid, [...content]]));
        for (let at = 0, turn = 0; at < printed.length; turn += 1) {
          const length = cuts[turn % cuts.length] ?? 1;
          parse(printed.subarray(at, at + length));
          at += length;
        }
        expect(read).toEqual(contents.map((content, index) => [`oid${index}`, [...content]]));
      }),
    );
  });

  it('are entries of a tree, whatever bytes their names have', () => {
    const printed = Buffer.concat([
      Buffer.from('100644 blob aa\ta\tb\nc.yaml\u0000120000 blob bb\tlink\u0000100644 blob cc\t'),
      Buffer.from([0xff, 0x2e]),
      Buffer.from('\0'),
    ]);
    expect(parseTreeEntries(printed)).toEqual([
      { mode: '100644', oid: 'aa', path: 'a\tb\nc.yaml', isUtf8: true },
      { mode: '120000', oid: 'bb', path: 'link', isUtf8: true },
      { mode: '100644', oid: 'cc', path: '\ufffd.', isUtf8: false },
    ]);
  });
});

describe('the files of a commit', () => {
  const folders = { manifests: 'm', templates: 'm/t' };
  const entry = (path: string, mode = '100644', oid = 'a') => ({ mode, oid, path, isUtf8: true });

  it('are those that a directory would be read for', () => {
    const paths = [
      'm/a.yaml',
      'm/b.yml',
      'm/c/d.json',
      'm/README',
      'm/.hidden.yaml',
      'm/.d/a.yaml',
      'mm/a.yaml',
      'm/t/x/files/.env',
      'a.yaml',
    ];
    const selected = selectEntries(
      paths.map((path) => entry(path)),
      folders,
    ).map(({ path }) => path);
    expect(selected).toEqual(['m/a.yaml', 'm/b.yml', 'm/c/d.json', 'm/t/x/files/.env']);
  });

  it('are each either written inside the tree, once, or refused', () => {
    const name = fc.constantFrom('..', '.', '', '.git', 'a', 'b.yaml', 't', 'x\ny', 'c.json', '\\');
    const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => `m/${names.join('/')}`);
    const mode = fc.constantFrom('100644', '100755', '120000', '160000', '100664');
    const entries = fc.array(
      fc.record({ mode, oid: fc.constantFrom('small', 'large', 'gone'), path, isUtf8: fc.boolean() }),
    );
    const sizes = new Map([
      ['small', 16 * 1024 * 1024],
      ['large', 16 * 1024 * 1024 + 1],
    ]);
    fc.assert(
      fc.property(entries, (all) => {
        const selected = selectEntries(all, folders);
        const { files, refused } = planTree(selected, folders, sizes);
        expect(files.length + refused.length).toBe(selected.length);
        const paths = files.map((file) => file.path);
        expect(new Set(paths).size).toBe(paths.length);
        for (const file of files) {
          expect(file.oid).toBe('small');
          expect(file.path.split('/')).not.toEqual(
            expect.arrayContaining([expect.stringMatching(/^\.{0,2}$|^\.git$/)]),
          );
          expect(paths.some((other) => other.startsWith(`${file.path}/`))).toBe(false);
        }
      }),
    );
  });
});

describe('what git says when it fails', () => {
  const names = { url: '/srv/corrupt.git', ref: 'branch main' };

  it.each([
    ["fatal: couldn't find remote ref refs/heads/main", 'has no branch main'],
    [
      "fatal: '/srv/corrupt.git' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.",
      'there is no repository at',
    ],
    [
      "remote: Repository not found.\nfatal: repository 'https://example.org/a/' not found",
      'there is no repository at',
    ],
    ["fatal: could not read Username for 'https://example.org': terminal prompts disabled", 'denies access'],
    ['git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'denies access'],
    ["fatal: unable to access 'https://example.org/': The requested URL returned error: 403", 'denies access'],
    ['Host key verification failed.\nfatal: Could not read from remote repository.', 'host key of'],
    ["fatal: unable to access 'https://example.org/': Could not resolve host: example.org", 'cannot be reached'],
    [
      'ssh: connect to host example.org port 22: Connection refused\nfatal: Could not read from remote repository.',
      'cannot be reached',
    ],
    ['fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output', 'no space is left'],
    ...[
      'server certificate verification failed. CAfile: none CRLfile: none',
      'SSL certificate problem: unable to get local issuer certificate',
      "SSL: no alternative certificate subject name matches target host name 'example.org'",
      'error setting certificate verify locations:  CAfile: /etc/gone',
      'Problem with the SSL CA cert (path? access rights?)',
    ].map((why) => [`fatal: unable to access 'https://example.org/': ${why}`, 'the certificate of']),
    ['command-line: line 0: Bad configuration option: nosuchthing', 'settings of git or ssh'],
    ['fatal: bad config line 1 in file /root/.gitconfig', 'settings of git or ssh'],
    ["fatal: bad boolean config value 'maybe' for 'http.sslverify'", 'settings of git or ssh'],
    ['Who damages or corrupts data here is prosecuted.\nfatal: something new', 'cannot be fetched'],
    ['fatal: something new', 'cannot be fetched'],
    ['remote: fatal: loose object is corrupt\nfatal: something new', 'cannot be fetched'],
  ])('%j is told in our own words', (stderr, words) => {
    const error = fetchFailure(stderr, names);
    expect(error).toMatchObject({ code: 'SourceUnreadable', message: expect.stringContaining(words) });
  });

  it('is a damaged clone when it is about the clone', () => {
    expect(fetchFailure("fatal: not a git repository: '/state/repo.git'", names)).toBeInstanceOf(DamagedClone);
    expect(fetchFailure('fatal: bad config line 1 in file /state/repo.git/config', names)).toBeInstanceOf(DamagedClone);
    expect(fetchFailure("fatal: bad boolean config value 'maybe' for 'core.bare'", names)).toBeInstanceOf(DamagedClone);
    expect(localFailure('fatal: whatever', names)).toBeInstanceOf(DamagedClone);
    expect(localFailure('error: No space left on device', names)).toMatchObject({ code: 'SourceUnreadable' });
  });
});
