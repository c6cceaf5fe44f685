import { readFileSync, writeSync } from 'node:fs';
import { type Commit, commitStaged, recover, stageCommit } from '../../../src/agent/state/journal.js';

/** What a child does: one commit or one recovery, ended by SIGKILL before the given step. Steps count from 1. */
export interface ChildTask {
  tenantDir: string;
  /** null: recover. Contents are base64. */
  commit:
    | (Omit<Commit, 'writes'> & { writes: (Omit<Commit['writes'][number], 'content'> & { content: string })[] })
    | null;
  killAt: number;
  /** A step that fails as on a full disk; 0 for none. */
  failAt: number;
}

const task = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as ChildTask;
let count = 0;

function onStep(name: string): void {
  count += 1;
  if (count === task.killAt) {
    writeSync(1, name);
    process.kill(process.pid, 'SIGKILL');
    for (;;);
  }
  if (count === task.failAt) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
}

try {
  if (task.commit === null) {
    await recover(task.tenantDir, { onStep });
  } else {
    const writes = task.commit.writes.map((write) => ({ ...write, content: Buffer.from(write.content, 'base64') }));
    await commitStaged(await stageCommit(task.tenantDir, { ...task.commit, writes }, { onStep }), { onStep });
  }
} catch (error) {
  if ((error as { code?: string }).code !== 'DiskFull') throw error;
}
