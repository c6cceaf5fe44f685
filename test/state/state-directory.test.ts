import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  openStateDirectory,
  readConfirmed,
  type StateDirectory,
  writeConfirmed,
} from '../../src/state/state-directory.js';
import { isStateInUse } from '../../src/state/state-lock.js';
import { temporaryDirectory } from '../agent/support/tenant-tree.js';

const CHILD = resolve(import.meta.dirname, '../support/state-child.ts');

async function open(path: string): Promise<StateDirectory> {
  const state = await openStateDirectory(path);
  onTestFinished(() => state.close());
  return state;
}

describe('a state directory', () => {
  test('is made for its owner alone', async () => {
    const path = join(temporaryDirectory(), 'var/flotilla');
    const state = await open(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, 'lock')).mode & 0o777).toBe(0o600);
    expect(state).toMatchObject({
      path,
      historyFile: join(path, 'history.db'),
      sourceDirectory: join(path, 'source'),
      confirmFile: join(path, 'confirmed'),
    });
  });

  test('is refused to a second, which is told who has it, until the first closes it', async () => {
    const path = temporaryDirectory();
    const first = await open(path);
    await expect(openStateDirectory(path)).rejects.toMatchObject({
      code: 'StateLocked',
      message: `the state directory ${path} is in use by another process (pid ${process.pid})`,
    });
    first.close();
    first.close();
    await open(path);
  });

  test('says whether somebody has it', async () => {
    const path = temporaryDirectory();
    expect(await isStateInUse(path)).toBe(false);
    const first = await open(path);
    expect(await isStateInUse(path)).toBe(true);
    first.close();
    expect(await isStateInUse(path)).toBe(false);
    await open(path);
    expect(await isStateInUse(path)).toBe(true);
    expect(await isStateInUse(join(path, 'nowhere'))).toBe(false);
  });

  test('many at once: one gets it', async () => {
    const path = temporaryDirectory();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => open(path)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('is free after kill -9 of who had it, and its pid is not taken for the next one', async () => {
    const path = temporaryDirectory();
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    await expect(openStateDirectory(path)).rejects.toMatchObject({
      code: 'StateLocked',
      message: `the state directory ${path} is in use by another process (pid ${child.pid})`,
    });
    child.kill('SIGKILL');
    await exited;
    await open(path);
    await expect(openStateDirectory(path)).rejects.toMatchObject({
      message: expect.stringContaining(`${process.pid}`),
    });
  });

  test('does not name a process that has ended, nor what is no pid', async () => {
    const path = temporaryDirectory();
    await open(path);
    for (const note of [`${2 ** 22 + 1}\n`, 'x', '-1', '']) {
      writeFileSync(join(path, 'lock'), note);
      await expect(openStateDirectory(path)).rejects.toMatchObject({
        message: `the state directory ${path} is in use by another process`,
      });
    }
  });

  test('is refused where everybody may write, and then not touched', async () => {
    const path = temporaryDirectory();
    chmodSync(path, 0o777);
    await expect(openStateDirectory(path)).rejects.toMatchObject({
      code: 'ConfigInvalid',
      hint: expect.stringContaining('chmod o-w'),
    });
    expect(readdirSync(path)).toEqual([]);
  });

  test('is refused where a file is', async () => {
    const path = join(temporaryDirectory(), 'state');
    writeFileSync(path, 'mine');
    await expect(openStateDirectory(path)).rejects.toMatchObject({ code: 'ConfigInvalid' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });
});

describe('a confirmed revision', () => {
  test('is the last that was written, and null at first', async () => {
    const file = join(temporaryDirectory(), 'confirmed');
    expect(await readConfirmed(file)).toBeNull();
    await writeConfirmed(file, 'a'.repeat(40));
    await writeConfirmed(file, 'b'.repeat(40));
    expect(await readConfirmed(file)).toBe('b'.repeat(40));
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(file, '..'))).toEqual(['confirmed']);
    writeFileSync(file, '\n');
    expect(await readConfirmed(file)).toBeNull();
  });

  test('is not written where there is no state directory', async () => {
    const path = join(temporaryDirectory(), 'none');
    await expect(writeConfirmed(join(path, 'confirmed'), 'r1')).rejects.toMatchObject({
      code: 'ConfigInvalid',
      hint: expect.stringContaining('--state'),
    });
    expect(existsSync(path)).toBe(false);
  });

  test('that cannot be read is an error, not null', async () => {
    const file = join(temporaryDirectory(), 'confirmed');
    mkdirSync(file);
    await expect(readConfirmed(file)).rejects.toMatchObject({ code: 'ConfigInvalid' });
  });
});
