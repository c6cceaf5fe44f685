import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRecord, writeRecord } from '../../src/agent/state/applied-record.js';
import { type Commit, commitStaged, hasJournal, recover, stageCommit } from '../../src/agent/state/journal.js';
import { apply, commitOf, contents, diskFull, write } from './support/commits.js';
import {
  canMount,
  recordOf,
  sha256,
  snapshot,
  temporaryDirectory,
  temporaryMount,
  writeTree,
} from './support/tenant-tree.js';

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
