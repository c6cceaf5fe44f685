import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { readRecord, writeRecord } from '../../../src/agent/state/applied-record.js';
import { type Commit, commitStaged, recover, stageCommit } from '../../../src/agent/state/journal.js';
import type { ChildTask } from './commit-child.js';
import { recordOf, sha256, snapshot, writeTree } from './tenant-tree.js';

export interface KillReport {
  /** Processes that were ended by SIGKILL. */
  kills: number;
  /** Commits that were new, or old again, after recovery. */
  forward: number;
  back: number;
  /** The kinds of steps before which a process was killed. */
  steps: Set<string>;
}

const MANAGED = [
  'docker-compose.yml',
  '.env',
  'nginx/nginx.conf',
  'nginx/conf.d/site.conf',
  'a/b/c/d.txt',
  'a/b/e',
  'configs/site.yml',
  '.hidden',
];
const STEP_KIND =
  /^(?:write the journal|sync the stage|sync directory|make directory|set the mode|remove directory|stage the record|replace the record|drop the journal|drop the stage|turn back|back up|stage|truncate|write|remove|restore)/;
/** What a killed process wrote stays written without a sync, so memory will do, and is much faster. */
const BASE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const ROOT = join(import.meta.dirname, '../../..');

/**
 * Kills a real process at a random step of a random commit on a random instance, many times; sometimes with a failing step
 * before, sometimes killing the recovery too. Throws unless every instance is then whole: all old or all new, the record
 * alike, tenant content untouched, nothing left behind.
 */
export async function runCommitKills(options: { runs: number; seed: number; parallel: number }): Promise<KillReport> {
  const work = mkdtempSync(join(BASE, 'flotilla-kills-'));
  const report: KillReport = { kills: 0, forward: 0, back: 0, steps: new Set() };
  try {
    const child = compileChild(work);
    let next = 0;
    const worker = async () => {
      for (let run = next++; run < options.runs; run = next++) {
        const directory = join(work, `run-${run}`);
        try {
          await runOnce(directory, child, randomNumbers(options.seed + run), report);
        } catch (error) {
          throw new Error(`run with seed ${options.seed + run}: ${(error as Error).message}`, { cause: error });
        }
        rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 });
      }
    };
    await Promise.all(Array.from({ length: options.parallel }, worker));
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
  return report;
}

async function runOnce(directory: string, child: string, random: () => number, report: KillReport): Promise<void> {
  const tenantDir = join(directory, 'tenant');
  const { files, commit, hadRecord } = randomCase(random);
  writeTree(tenantDir, files);
  writeTree(tenantDir, { 'data/db/0': 'rows', 'nginx/own.conf': 'own', 'docker-compose.override.yml': 'services: {}' });
  symlinkSync('/etc', join(tenantDir, 'data/link'));
  const expected = await expectNew(tenantDir, join(directory, 'reference'), commit);
  if (hadRecord) await writeRecord(tenantDir, recordOf(1));
  const old = snapshot(tenantDir);
  const own = ownContent(tenantDir);

  const failAt = random() < 0.3 ? 1 + Math.floor(random() * expected.steps) : 0;
  const killAt = 1 + Math.floor(random() * expected.steps * (failAt ? 1.8 : 1.05));
  const writes = commit.writes.map((write) => ({ ...write, content: write.content.toString('base64') }));
  await runChild(child, { tenantDir, commit: { ...commit, writes }, killAt, failAt }, report);
  while (random() < 0.35) {
    const task = { tenantDir, commit: null, killAt: 1 + Math.floor(random() * expected.steps * 0.7), failAt: 0 };
    await runChild(child, task, report);
  }
  await recover(tenantDir);

  const isNew = readRecord(tenantDir)?.generation === commit.generation;
  report[isNew ? 'forward' : 'back'] += 1;
  requireSame(snapshot(tenantDir), isNew ? expected.files : old, isNew ? 'the new set' : 'the old set');
  requireSame(ownContent(tenantDir), own, 'tenant content');
  if (!isNew && (readRecord(tenantDir)?.generation ?? 0) !== (hadRecord ? 1 : 0))
    throw new Error('the record is neither');
  const left = readdirSync(join(tenantDir, '.flotilla')).filter((name) => name !== 'applied.json');
  if (left.length > 0) throw new Error(`left behind: ${left}`);
  if ((await recover(tenantDir)).recovered) throw new Error('recovered twice');
}

/** Does the commit on a copy, undisturbed. */
async function expectNew(tenantDir: string, copy: string, commit: Commit) {
  cpSync(tenantDir, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  let steps = 0;
  const onStep = () => {
    steps += 1;
  };
  await commitStaged(await stageCommit(copy, commit, { onStep }), { onStep });
  return { files: snapshot(copy), steps };
}

function randomCase(random: () => number) {
  const files: Record<string, { content: Buffer; mode: number }> = {};
  const writes: Commit['writes'][number][] = [];
  const removes: Commit['removes'][number][] = [];
  for (const path of MANAGED) {
    const there = random() < 0.6;
    const content = randomContent(random);
    if (there) files[path] = { content, mode: randomMode(random) };
    if (random() < 0.65) {
      const kind = random();
      writes.push({
        path,
        content: randomContent(random),
        mode: randomMode(random),
        inPlace: kind < 0.3,
        createOnly: kind > 0.8,
      });
    } else if (there && random() < 0.6) {
      removes.push({ path, sha256: random() < 0.8 ? sha256(content) : sha256('something else') });
    }
  }
  const commit: Commit = { generation: 2, writes, removes, record: recordOf(2) };
  return { files, commit, hadRecord: random() < 0.8 };
}

function randomContent(random: () => number): Buffer {
  const size = random() < 0.1 ? 150_000 : Math.floor(random() * 300);
  return Buffer.alloc(size, `${random()}`);
}

function randomMode(random: () => number): number {
  return [0o644, 0o600, 0o755, 0o440][Math.floor(random() * 4)] as number;
}

async function runChild(child: string, task: ChildTask, report: KillReport): Promise<void> {
  const file = join(dirname(task.tenantDir), 'task.json');
  writeFileSync(file, JSON.stringify(task));
  const { step, signal, code, stderr } = await new Promise<{
    step: string;
    signal: string | null;
    code: number | null;
    stderr: string;
  }>((resolve) => {
    const spawned = spawn(process.execPath, [child, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let step = '';
    let stderr = '';
    spawned.stdout.on('data', (data: Buffer) => {
      step += data.toString();
    });
    spawned.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    spawned.once('close', (code, signal) => resolve({ step, signal, code, stderr }));
  });
  if (signal === 'SIGKILL') {
    report.kills += 1;
    report.steps.add(STEP_KIND.exec(step)?.[0] ?? step);
  } else if (code !== 0) {
    throw new Error(`the child failed: ${stderr}`);
  }
}

function ownContent(tenantDir: string): Record<string, string> {
  const own = Object.entries(snapshot(tenantDir, { times: true })).filter(
    ([path, about]) => !about.startsWith('directory') && !MANAGED.includes(path),
  );
  return Object.fromEntries(own);
}

function requireSame(actual: Record<string, string>, expected: Record<string, string>, what: string): void {
  for (const path of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    if (actual[path] !== expected[path])
      throw new Error(`not ${what}: ${path} is ${actual[path]}, should be ${expected[path]}`);
  }
}

/** Plain JavaScript starts five times as fast as through a loader: more kills a minute. Nothing that the journal needs is a package. */
function compileChild(work: string): string {
  const sources = [
    'src/errors.ts',
    'test/agent/support/commit-child.ts',
    ...readdirSync(join(ROOT, 'src/agent'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `src/agent/${name}`),
  ];
  for (const source of sources.filter((name) => name.endsWith('.ts'))) {
    const compilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    };
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, source), 'utf8'), { compilerOptions });
    const target = join(work, source.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  writeFileSync(join(work, 'package.json'), '{"type":"module"}');
  return join(work, 'test/agent/support/commit-child.js');
}

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
