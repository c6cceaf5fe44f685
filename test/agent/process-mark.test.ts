import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasEnded, ownProcessMark } from '../../src/agent/files/process-mark.js';
import { buildShadow } from '../../src/agent/files/shadow.js';
import { temporaryDirectory } from './support/tenant-tree.js';

/** The mark of a process that was killed. */
async function markOfKilled(): Promise<string> {
  const program = `
    import { ownProcessMark } from ${JSON.stringify(new URL('../../src/agent/files/process-mark.ts', import.meta.url).href)};
    console.log(ownProcessMark());
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', program]);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(hasEnded(line.toString().trim())).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return line.toString().trim();
}

test('tells processes that were killed from those that run', async () => {
  const killed = await markOfKilled();
  expect(hasEnded(killed)).toBe(true);
  expect(hasEnded(ownProcessMark())).toBe(false);
  // The same number, taken by another process since.
  expect(hasEnded(ownProcessMark().replace(/\d+$/, '1'))).toBe(true);
});

test('judges neither other pid namespaces nor other names', async () => {
  expect(hasEnded((await markOfKilled()).replace(/^\d+/, '1'))).toBe(false);
  expect(hasEnded('tmp-1')).toBe(false);
});

test('a shadow that a killed process left goes when the next one is made, and no other', async () => {
  const base = temporaryDirectory();
  const tenant = temporaryDirectory();
  const left = join(base, `flotilla-shadow-${await markOfKilled()}-aBc123`);
  const others = ['flotilla-shadow-aBc123', 'something-else', `flotilla-shadow-${ownProcessMark()}-xyz`];
  for (const path of [left, ...others.map((name) => join(base, name))])
    mkdirSync(join(path, 'inner'), { recursive: true });

  await (await buildShadow(tenant, { base, writes: [], removes: [] })).dispose();

  expect(existsSync(left)).toBe(false);
  expect(others.filter((name) => existsSync(join(base, name)))).toEqual(others);
});
