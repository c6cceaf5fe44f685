import { existsSync, readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { FlotillaError } from '../../errors.js';
import { requireStateDirectory, statePath, syncDirectory, writeFileAtomic } from '../files/fs-atomic.js';
import { toHostError } from '../files/host-error.js';
import { type OpenDirectories, openDirectories } from '../files/open-directories.js';
import {
  BACK,
  FORWARD,
  hasJournal,
  type Journal,
  journalText,
  type OnStep,
  readJournal,
  STAGE,
} from './journal-format.js';
import { type Commit, fillStage } from './journal-stage.js';
import { goBack, goForward } from './journal-steps.js';

export { hasJournal, type OnStep } from './journal-format.js';
export type { Commit, CommitWrite } from './journal-stage.js';

export interface StagedCommit {
  readonly tenantDir: string;
  readonly journal: Journal;
}

export interface StepOptions {
  /** Called before each step, for tests: it may throw, as if the step failed, or end the process. */
  onStep?: OnStep;
}

/**
 * Puts all that a commit needs into `.flotilla/stage`, durably. The instance's files are not touched, and after a
 * failure neither is the stage there. The lock must be held from here to the end of the commit.
 *
 * @throws DiskFull, NotWritable (also for what could only fail later: another mount, an immutable file), PathEscapes,
 *   PlanInvalid for a path that is there twice
 */
export async function stageCommit(tenantDir: string, commit: Commit, options: StepOptions = {}): Promise<StagedCommit> {
  requireOnce([...commit.writes, ...commit.removes].map(({ path }) => path));
  if (hasJournal(tenantDir)) {
    throw new FlotillaError('Internal', `an interrupted commit in ${tenantDir} has to be recovered first`);
  }
  const directories = openDirectories(tenantDir);
  try {
    const journal = await fillStage(tenantDir, commit, directories, options.onStep ?? ignoreStep);
    return { tenantDir, journal };
  } catch (error) {
    await rm(statePath(tenantDir, STAGE), { recursive: true, force: true }).catch(() => undefined);
    throw toHostError(error, `stage files in ${statePath(tenantDir)}`);
  } finally {
    await directories.close();
  }
}

/** Forgets a staged commit; the instance is as it was before. */
export async function discardStage(staged: StagedCommit): Promise<void> {
  await rm(statePath(staged.tenantDir, STAGE), { recursive: true, force: true });
}

/**
 * Makes the staged file set the instance's, and its record the applied record. A crash leaves what `recover` needs. When
 * a step fails (disk full, a file made immutable meanwhile), what was done is taken back and the old set is there again.
 *
 * @throws DiskFull, NotWritable, PathEscapes
 */
export async function commitStaged(staged: StagedCommit, options: StepOptions = {}): Promise<void> {
  const { tenantDir, journal } = staged;
  const step = options.onStep ?? ignoreStep;
  try {
    step('write the journal');
    await writeFileAtomic(statePath(tenantDir, FORWARD), journalText(journal), 0o600);
  } catch (error) {
    await finish(tenantDir, FORWARD, ignoreStep).catch(() => undefined);
    throw toHostError(error, `write the journal of ${tenantDir}`);
  }
  await carryOut(tenantDir, journal, step);
  // What is left to do is no part of the commit: whoever recovers next does it.
  await finish(tenantDir, FORWARD, step).catch(() => undefined);
}

/**
 * Ends an interrupted commit: forward, or back where going forward fails or had failed. Also clears what an interrupted
 * stage left. Does nothing where nothing was interrupted. The lock must be held.
 *
 * @returns whether there was a commit to end
 * @throws JournalUnreadable; DiskFull, NotWritable, PathEscapes when it can go neither forward nor back
 */
export async function recover(tenantDir: string, options: StepOptions = {}): Promise<{ recovered: boolean }> {
  const step = options.onStep ?? ignoreStep;
  if (!existsSync(statePath(tenantDir))) return { recovered: false };
  requireStateDirectory(tenantDir);
  const back = readJournal(tenantDir, BACK);
  const forward = readJournal(tenantDir, FORWARD);
  if (back) {
    await walk(tenantDir, (directories) => goBack({ tenantDir, directories, step }, back));
    await finish(tenantDir, BACK, step);
  } else if (forward) {
    // A failure that could be taken back leaves the old set: whoever asked goes on from there.
    await carryOut(tenantDir, forward, step).catch((error: unknown) => {
      if (hasJournal(tenantDir)) throw error;
    });
    await finish(tenantDir, FORWARD, step);
  }
  await clearLeftovers(tenantDir);
  return { recovered: back !== null || forward !== null };
}

/** Forward; when that fails, back, and throws why. */
async function carryOut(tenantDir: string, journal: Journal, step: OnStep): Promise<void> {
  try {
    await walk(tenantDir, (directories) => goForward({ tenantDir, directories, step }, journal));
  } catch (error) {
    await turnBack(tenantDir, journal, step).catch(() => undefined);
    throw toHostError(error, `put the new files of ${tenantDir} in place`);
  }
}

async function turnBack(tenantDir: string, journal: Journal, step: OnStep): Promise<void> {
  step('turn back');
  await rename(statePath(tenantDir, FORWARD), statePath(tenantDir, BACK));
  await syncDirectory(statePath(tenantDir));
  await walk(tenantDir, (directories) => goBack({ tenantDir, directories, step }, journal));
  await finish(tenantDir, BACK, step);
}

async function walk(tenantDir: string, work: (directories: OpenDirectories) => Promise<void>): Promise<void> {
  const directories = openDirectories(tenantDir);
  try {
    await work(directories);
  } finally {
    await directories.close();
  }
}

/** The journal goes first: the stage is of no use without it, and it is of no use without the stage. */
async function finish(tenantDir: string, name: typeof FORWARD | typeof BACK, step: OnStep): Promise<void> {
  step('drop the journal');
  await rm(statePath(tenantDir, name), { force: true });
  await syncDirectory(statePath(tenantDir));
  step('drop the stage');
  await rm(statePath(tenantDir, STAGE), { recursive: true, force: true });
}

/** What is half made has a name that says so. */
async function clearLeftovers(tenantDir: string): Promise<void> {
  await rm(statePath(tenantDir, STAGE), { recursive: true, force: true });
  for (const inner of ['', 'generations']) {
    const directory = statePath(tenantDir, inner);
    const names = existsSync(directory) ? readdirSync(directory) : [];
    for (const name of names.filter((name) => /^\.(?:tmp|old)-|\.tmp$|^flotilla-shadow-/.test(name))) {
      await rm(`${directory}/${name}`, { recursive: true, force: true });
    }
  }
}

function requireOnce(paths: readonly string[]): void {
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path))
      throw new FlotillaError('PlanInvalid', `${JSON.stringify(path)} is to be changed twice in one commit`);
    seen.add(path);
  }
}

function ignoreStep(): void {}
