import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readRecord, writeRecord } from '../../src/agent/applied-record.js';
import {
  type Commit,
  type CommitWrite,
  commitStaged,
  discardStage,
  hasJournal,
  recover,
  stageCommit,
} from '../../src/agent/journal.js';
import {
  canMount,
  mountOrThrow,
  recordOf,
  sha256,
  snapshot,
  temporaryDirectory,
  temporaryMount,
  writeTree,
} from './support/tenant-tree.js';

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

describe('staging refuses, with the instance untouched,', () => {
  const cases: [string, (tenant: string) => void, string, string][] = [
    ['a link out', (tenant) => symlinkSync('/etc', join(tenant, 'out')), 'out/passwd', 'PathEscapes'],
    ['a link at the end', (tenant) => symlinkSync('f', join(tenant, 'link')), 'link', 'PathEscapes'],
    ['a directory', (tenant) => mkdirSync(join(tenant, 'dir')), 'dir', 'NotWritable'],
    ['a fifo', (tenant) => void spawnSync('mkfifo', [join(tenant, 'fifo')]), 'fifo', 'NotWritable'],
    ['a parent that is a file', () => undefined, 'f/x', 'NotWritable'],
    ['our own directory', () => undefined, '.flotilla/applied.json', 'PathEscapes'],
    ['a path out', () => undefined, '../x', 'PathEscapes'],
  ];
  test.each(cases)('%s', async (_, prepare, path, code) => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { f: 'old' });
    prepare(tenant);
    const before = snapshot(tenant, { times: true });
    const commits = [
      commitOf({ writes: [write('new', 'x'), write(path, 'new')] }),
      commitOf({ writes: [write('new', 'x')], removes: [{ path, sha256: sha256('old') }] }),
    ];
    for (const commit of commits) {
      await expect(stageCommit(tenant, commit)).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
      expect(snapshot(tenant, { times: true })).toEqual(before);
      expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
    }
  });

  test('a path that is there twice', async () => {
    const commit = commitOf({ writes: [write('f', 'a')], removes: [{ path: 'f', sha256: sha256('x') }] });
    await expect(stageCommit(temporaryDirectory(), commit)).rejects.toMatchObject({ code: 'PlanInvalid' });
  });

  test.skipIf(!isRoot)('a file that is immutable, and a directory', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'dir/f': 'old', g: 'old' });
    for (const path of ['dir', 'g']) {
      if (spawnSync('chattr', ['+i', join(tenant, path)]).status !== 0) return;
      onTestFinished(() => void spawnSync('chattr', ['-i', join(tenant, path)]));
    }
    for (const path of ['dir/f', 'dir/new', 'g']) {
      await expect(
        stageCommit(tenant, commitOf({ writes: [write('a', ''), write(path, 'new')] })),
      ).rejects.toMatchObject({
        code: 'NotWritable',
        message: `cannot write ${path} in ${tenant}: permission denied (EPERM)`,
      });
    }
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
  });

  test.skipIf(!canMount())('a full disk', async () => {
    const tenant = temporaryMount('64k');
    writeTree(tenant, { f: 'old' });
    const before = snapshot(tenant, { times: true });
    const commit = commitOf({ writes: [write('f', 'new'), write('big.yml', 'x'.repeat(100_000))] });
    await expect(stageCommit(tenant, commit)).rejects.toMatchObject({
      code: 'DiskFull',
      terminal: false,
      message: `cannot write big.yml in ${tenant}: the disk is full`,
      hint: expect.stringContaining('free some space'),
    });
    expect(snapshot(tenant, { times: true })).toEqual(before);
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
    await apply(tenant, commitOf({ writes: [write('f', 'new')] }));
    expect(contents(tenant, ['f'])).toEqual(['new']);
  });

  test.skipIf(!canMount())('a read-only file system, and one of its own inside the instance', async () => {
    const tenant = temporaryMount('1m');
    writeTree(tenant, { f: 'old', 'inner/x': 'x', 'bound/y': 'y' });
    mountOrThrow(['-o', 'remount,ro', tenant]);
    await expect(stageCommit(tenant, commitOf({ writes: [write('f', 'new')] }))).rejects.toMatchObject({
      code: 'NotWritable',
      message: expect.stringContaining('the file system is read-only'),
    });
    mountOrThrow(['-o', 'remount,rw', tenant]);
    mountOrThrow(['-t', 'tmpfs', 'tmpfs', join(tenant, 'inner')]);
    mountOrThrow(['--bind', join(tenant, 'bound'), join(tenant, 'bound')]);
    onTestFinished(() => void spawnSync('umount', [join(tenant, 'inner'), join(tenant, 'bound')]));
    for (const path of ['inner/new', 'inner/deep/er', 'bound/y', 'bound/new']) {
      await expect(stageCommit(tenant, commitOf({ writes: [write(path, 'new')] }))).rejects.toMatchObject({
        code: 'NotWritable',
        message: `cannot write ${path} in ${tenant}: it is a mount of its own (EXDEV)`,
      });
    }
  });
});

describe('a step that fails', () => {
  test('whichever it is, leaves the old set or the new one, and the next commit works', async () => {
    const steps = await stepsOf(prepareMixed(), mixedCommit());
    expect(steps.length).toBeGreaterThan(25);
    for (const [index, name] of steps.entries()) {
      const tenant = prepareMixed();
      await writeRecord(tenant, recordOf(1));
      const old = snapshot(tenant);
      const failed = await runFailing(tenant, mixedCommit(), index);
      // Its rest is for whoever comes next: everything is in place.
      const left = name === 'drop the journal';
      expect(hasJournal(tenant), name).toBe(left);
      const late = name.startsWith('drop');
      expect(failed, name).toBe(!late);
      expect(snapshot(tenant), name).toEqual(late ? newMixed() : old);
      expect(readRecord(tenant)?.generation, name).toBe(late ? 2 : 1);
      expect(await recover(tenant)).toEqual({ recovered: left });
      await apply(tenant, mixedCommit());
      expect(snapshot(tenant), name).toEqual(newMixed());
      expect(readdirSync(join(tenant, '.flotilla')), name).toEqual(['applied.json']);
    }
  }, 60_000);

  test('also while it is taken back: recover takes it back to the end', async () => {
    const steps = await stepsOf(prepareMixed(), mixedCommit(), 'replace the record');
    const undo = steps.slice(steps.indexOf('turn back'));
    expect(undo.length).toBeGreaterThan(10);
    for (const name of undo.filter((name) => !name.startsWith('drop the stage'))) {
      const tenant = prepareMixed();
      const old = snapshot(tenant);
      const staged = await stageCommit(tenant, mixedCommit());
      let turned = false;
      const onStep = (step: string) => {
        turned ||= step === 'turn back';
        if (step === 'replace the record' || (turned && step === name)) throw diskFull();
      };
      await expect(commitStaged(staged, { onStep })).rejects.toMatchObject({ code: 'DiskFull' });
      expect(hasJournal(tenant), name).toBe(true);
      expect(await recover(tenant)).toEqual({ recovered: true });
      // Until the turn is written down, forward is as good.
      expect(snapshot(tenant), name).toEqual(name === 'turn back' ? newMixed() : old);
      expect(await recover(tenant)).toEqual({ recovered: false });
    }
  }, 60_000);

  test.skipIf(!canMount())(
    'a disk that fills up between staging and an in-place write: the old bytes are back',
    async () => {
      const tenant = temporaryMount('512k');
      writeTree(tenant, { a: 'old a', f: 'old f' });
      const before = snapshot(tenant);
      const staged = await stageCommit(
        tenant,
        commitOf({ writes: [write('a', 'new a'), write('f', 'y'.repeat(100_000), { inPlace: true })] }),
      );
      spawnSync('dd', ['if=/dev/zero', `of=${join(tenant, '.flotilla/filler')}`, 'bs=4k']);
      spawnSync('truncate', ['-s', '-16384', join(tenant, '.flotilla/filler')]);
      await expect(commitStaged(staged)).rejects.toMatchObject({
        code: 'DiskFull',
        message: `cannot write f in ${tenant}: the disk is full`,
      });
      expect(snapshot(tenant)).toEqual(before);
      expect(hasJournal(tenant)).toBe(false);
    },
  );

  test('a parent that is swapped for a link out after staging: nothing outside is written', async () => {
    const tenant = temporaryDirectory();
    const outside = temporaryDirectory();
    writeTree(tenant, { 'conf/a': 'old', top: 'old' });
    const staged = await stageCommit(tenant, commitOf({ writes: [write('conf/a', 'new'), write('top', 'new')] }));
    spawnSync('mv', [join(tenant, 'conf'), join(tenant, 'aside')]);
    symlinkSync(outside, join(tenant, 'conf'));
    await expect(commitStaged(staged)).rejects.toMatchObject({ code: 'PathEscapes' });
    expect(readdirSync(outside)).toEqual([]);
    await expect(recover(tenant)).rejects.toMatchObject({ code: 'PathEscapes' });
    unlinkSync(join(tenant, 'conf'));
    spawnSync('mv', [join(tenant, 'aside'), join(tenant, 'conf')]);
    expect(await recover(tenant)).toEqual({ recovered: true });
    expect(contents(tenant, ['conf/a', 'top'])).toEqual(['old', 'old']);
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

function write(path: string, content: string, more: Partial<CommitWrite> = {}): CommitWrite {
  return { path, content: Buffer.from(content), mode: 0o644, inPlace: false, createOnly: false, ...more };
}

function commitOf(parts: Partial<Commit>): Commit {
  return { generation: 1, writes: [], removes: [], record: recordOf(1), ...parts };
}

async function apply(tenant: string, commit: Commit): Promise<void> {
  await commitStaged(await stageCommit(tenant, commit));
}

function prepareMixed(): string {
  const tenant = temporaryDirectory();
  writeTree(tenant, {
    'a.yml': 'old',
    inplace: { content: 'old', mode: 0o640 },
    'sub/gone': 'ours',
    'sub/b': { content: 'old b', mode: 0o600 },
    'data/own': 'tenant',
    'once.conf': 'own',
  });
  chmodSync(join(tenant, 'data'), 0o700);
  return tenant;
}

function mixedCommit(): Commit {
  return commitOf({
    generation: 2,
    writes: [
      write('a.yml', 'new'),
      write('inplace', 'z'.repeat(100_000), { inPlace: true }),
      write('sub/b', 'new b'),
      write('new/dir/c', 'c'),
      write('once.conf', 'ours', { createOnly: true }),
      write('once-new.conf', 'ours', { createOnly: true }),
    ],
    removes: [{ path: 'sub/gone', sha256: sha256('ours') }],
    record: recordOf(2),
  });
}

let knownNew: Record<string, string> | undefined;

function newMixed(): Record<string, string> {
  return knownNew as Record<string, string>;
}

/** The names of all steps from staging to the end, also those after the failure of one. */
async function stepsOf(tenant: string, commit: Commit, failing?: string): Promise<string[]> {
  const steps: string[] = [];
  const onStep = (name: string) => {
    steps.push(name);
    if (name === failing) throw diskFull();
  };
  await commitStaged(await stageCommit(tenant, commit, { onStep }), { onStep }).catch(() => undefined);
  if (failing === undefined) knownNew = snapshot(tenant);
  return steps;
}

/** @returns whether it was thrown */
async function runFailing(tenant: string, commit: Commit, index: number): Promise<boolean> {
  let count = 0;
  const onStep = () => {
    if (count++ === index) throw diskFull();
  };
  try {
    await commitStaged(await stageCommit(tenant, commit, { onStep }), { onStep });
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'DiskFull' });
    return true;
  }
}

function diskFull(): Error {
  return Object.assign(new Error('no space'), { code: 'ENOSPC' });
}

function contents(tenant: string, paths: readonly string[]): string[] {
  return paths.map((path) => readFileSync(join(tenant, path), 'utf8'));
}

function modeOf(tenant: string, path: string): number {
  return statSync(join(tenant, path)).mode & 0o7777;
}
