import { chownSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRecord } from '../../src/agent/state/applied-record.js';
import { commitStaged, discardStage, hasJournal, recover, stageCommit } from '../../src/agent/state/journal.js';
import { apply, commitOf, contents, modeOf, write } from './support/commits.js';
import { sha256, snapshot, temporaryDirectory, writeTree } from './support/tenant-tree.js';

const isRoot = process.getuid?.() === 0;

describe('a commit', () => {
  test('writes, replaces and removes files, makes directories, and records it', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'a.yml': 'old', 'gone.conf': 'ours', 'data/photo': 'tenant', 'nginx/x.conf': 'old' });
    const before = snapshot(tenant, { times: true });
    const commit = commitOf({
      writes: [
        write('a.yml', 'new'),
        write('.env', 'A=1', { mode: 0o600 }),
        write('deep/er/b', 'b'),
        write('nginx/x.conf', 'new'),
      ],
      removes: [{ path: 'gone.conf', sha256: sha256('ours') }],
    });
    const staged = await stageCommit(tenant, commit);
    expect(snapshot(tenant, { times: true })).toEqual(before);
    expect(hasJournal(tenant)).toBe(false);
    await commitStaged(staged);
    expect(contents(tenant, ['a.yml', '.env', 'deep/er/b', 'nginx/x.conf', 'data/photo'])).toEqual([
      'new',
      'A=1',
      'b',
      'new',
      'tenant',
    ]);
    expect(existsSync(join(tenant, 'gone.conf'))).toBe(false);
    expect(modeOf(tenant, '.env')).toBe(0o600);
    expect(modeOf(tenant, 'a.yml')).toBe(0o644);
    expect(modeOf(tenant, 'deep/er')).toBe(0o755);
    expect(snapshot(tenant, { times: true })['data/photo']).toBe(before['data/photo']);
    expect(readRecord(tenant)).toMatchObject({ generation: 1, outcome: 'committed' });
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual(['applied.json']);
    expect(await recover(tenant)).toEqual({ recovered: false });
  });

  test('in place: keeps the inode, shrinks and grows; makes the file where there is none', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { long: 'x'.repeat(200_000), short: { content: 'x', mode: 0o600 } });
    const inodes = ['long', 'short'].map((path) => statSync(join(tenant, path)).ino);
    const big = 'y'.repeat(150_000);
    await apply(
      tenant,
      commitOf({
        writes: [
          write('long', 'tiny', { inPlace: true }),
          write('short', big, { inPlace: true }),
          write('new', 'n', { inPlace: true }),
        ],
      }),
    );
    expect(contents(tenant, ['long', 'short', 'new'])).toEqual(['tiny', big, 'n']);
    expect(['long', 'short'].map((path) => statSync(join(tenant, path)).ino)).toEqual(inodes);
    expect(modeOf(tenant, 'short')).toBe(0o644);
  });

  test('by rename: a reader that holds the old file keeps reading it whole', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { f: 'old' });
    const ino = statSync(join(tenant, 'f')).ino;
    await apply(tenant, commitOf({ writes: [write('f', 'new')] }));
    expect(statSync(join(tenant, 'f')).ino).not.toBe(ino);
  });

  test('CreateOnly: written where absent, never over a file, even one made after staging', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { kept: 'own' });
    const staged = await stageCommit(
      tenant,
      commitOf({ writes: ['kept', 'raced', 'made'].map((path) => write(path, 'ours', { createOnly: true })) }),
    );
    writeFileSync(join(tenant, 'raced'), 'own too');
    await commitStaged(staged);
    expect(contents(tenant, ['kept', 'raced', 'made'])).toEqual(['own', 'own too', 'ours']);
  });

  test('a file to remove that was edited after staging is kept; empty directories stay', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { edited: 'ours', 'conf.d/a': 'ours' });
    const staged = await stageCommit(
      tenant,
      commitOf({
        removes: ['edited', 'conf.d/a', 'absent', 'no/where'].map((path) => ({ path, sha256: sha256('ours') })),
      }),
    );
    writeFileSync(join(tenant, 'edited'), 'mine');
    await commitStaged(staged);
    expect(contents(tenant, ['edited'])).toEqual(['mine']);
    expect(readdirSync(join(tenant, 'conf.d'))).toEqual([]);
  });

  test.skipIf(!isRoot)(
    'keeps the owner of a file; new ones and directories belong to whom the directory around them does',
    async () => {
      const tenant = temporaryDirectory();
      writeTree(tenant, { f: 'old', 'sub/x': '' });
      chownSync(join(tenant, 'f'), 1234, 2345);
      chownSync(tenant, 1000, 1001);
      await apply(
        tenant,
        commitOf({ writes: [write('f', 'new', { mode: 0o4755 }), write('sub/new', ''), write('new/dir/file', '')] }),
      );
      const owners = ['f', 'sub/new', 'new', 'new/dir', 'new/dir/file'].map(
        (path) => `${statSync(join(tenant, path)).uid}:${statSync(join(tenant, path)).gid}`,
      );
      expect(owners).toEqual(['1234:2345', '0:0', '1000:1001', '1000:1001', '1000:1001']);
      expect(modeOf(tenant, 'f')).toBe(0o4755);
    },
  );

  test('can be discarded', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { f: 'old' });
    await discardStage(await stageCommit(tenant, commitOf({ writes: [write('f', 'new'), write('a/b', 'x')] })));
    expect(Object.keys(snapshot(tenant))).toEqual(['f']);
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
  });

  test('goes through a link that stays inside the instance', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'real/f': 'old' });
    symlinkSync('real', join(tenant, 'link'));
    await apply(tenant, commitOf({ writes: [write('link/f', 'new'), write('link/sub/g', 'g')] }));
    expect(contents(tenant, ['real/f', 'real/sub/g'])).toEqual(['new', 'g']);
  });
});

describe('recover', () => {
  test('does nothing where there is nothing', async () => {
    const tenant = temporaryDirectory();
    expect(await recover(tenant)).toEqual({ recovered: false });
    expect(await recover(join(tenant, 'gone'))).toEqual({ recovered: false });
    expect(readdirSync(tenant)).toEqual([]);
  });

  test('clears what is half made, and nothing else', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, {
      '.flotilla/stage/0': 'x',
      '.flotilla/journal.json.tmp': '{',
      '.flotilla/generations/.tmp-3/files/a': 'a',
      '.flotilla/generations/2/files/a': 'a',
      '.flotilla/lock': '',
      '.flotilla/last-failure.json': '{}',
      '.flotilla/flotilla-shadow-x/a': 'a',
    });
    expect(await recover(tenant)).toEqual({ recovered: false });
    expect(readdirSync(join(tenant, '.flotilla')).sort()).toEqual(['generations', 'last-failure.json', 'lock']);
    expect(readdirSync(join(tenant, '.flotilla/generations'))).toEqual(['2']);
  });

  test.each([
    '',
    '{',
    '{}',
    '[]',
    '{"format":2}',
    '{"format":1,"generation":1,"directories":[],"writes":[{"path":"../x"}],"removes":[]}',
    JSON.stringify({ format: 1, generation: 1, directories: ['../x'], writes: [], removes: [] }),
  ])('refuses the journal %j, and says what to do', async (text) => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { f: 'f', '.flotilla/journal.json': text });
    const path = join(tenant, '.flotilla/journal.json');
    await expect(recover(tenant)).rejects.toMatchObject({
      code: 'JournalUnreadable',
      hint: expect.stringContaining(`mv ${path} ${path}.bad`),
    });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('has to come before the next stage', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { '.flotilla/journal.json': '{}' });
    await expect(stageCommit(tenant, commitOf({}))).rejects.toMatchObject({ code: 'Internal' });
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual(['journal.json']);
  });
});
