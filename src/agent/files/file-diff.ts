import { isUtf8 } from 'node:buffer';
import { type StructuredPatchHunk, structuredPatch } from 'diff';
import type { FileDiff } from '../../plan/observed.js';
import { maskHunks } from './mask-diff.js';

const MAX_LINES = 200;
const MAX_BYTES = 1 << 20;
const TIMEOUT_MS = 500;

export interface DiffInput {
  path: string;
  /** null: there is no such file. */
  before: Buffer | null;
  after: Buffer | null;
  /** Only names are shown, and only where an assignment of a dotenv file starts. */
  sensitive: boolean;
}

/**
 * The unified diff of one file, three lines of context, cut after 200 lines; one sentence instead for binary and very
 * large files and for those that take too long to compare. Empty when the bytes are the same.
 */
export function diffFile(input: DiffInput): FileDiff {
  const { path, before, after } = input;
  if (before === after || (before && after && before.equals(after))) return sentence(path, '');
  const why = unfit(before) ?? unfit(after);
  if (why !== undefined) return sentence(path, describe(input, why));
  const old = before?.toString('utf8') ?? '';
  const now = after?.toString('utf8') ?? '';
  const patch = structuredPatch('', '', old, now, undefined, undefined, { context: 3, timeout: TIMEOUT_MS });
  if (patch === undefined) return sentence(path, describe(input, 'too many changes to show'));
  const hunks = input.sensitive ? maskHunks(path, old, now, patch.hunks) : patch.hunks;
  return cut(path, [...headers(input), ...hunks.flatMap(hunkLines)]);
}

/** A created or deleted empty file has headers only. */
function headers({ path, before, after }: DiffInput): string[] {
  return [`--- ${before ? `a/${path}` : '/dev/null'}`, `+++ ${after ? `b/${path}` : '/dev/null'}`];
}

/** The numbers of an empty side start at 0, as in every unified diff. */
function hunkLines({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string[] {
  const from = `${oldLines === 0 ? oldStart - 1 : oldStart},${oldLines}`;
  const to = `${newLines === 0 ? newStart - 1 : newStart},${newLines}`;
  return [`@@ -${from} +${to} @@`, ...lines];
}

function cut(path: string, lines: readonly string[]): FileDiff {
  const omittedLines = Math.max(0, lines.length - MAX_LINES);
  const diff = `${lines.slice(0, MAX_LINES).join('\n')}\n`;
  return { path, diff, truncated: omittedLines > 0, omittedLines };
}

function unfit(content: Buffer | null): string | undefined {
  if (content === null) return undefined;
  if (content.length > MAX_BYTES) return 'too large to show';
  return content.includes(0) || !isUtf8(content) ? 'binary' : undefined;
}

/** Without sizes when it is sensitive: the length of a secret is part of it. */
function describe({ before, after, sensitive }: DiffInput, why: string): string {
  if (sensitive) return `${why}; sensitive, nothing is shown`;
  return `${why}: ${sizeOf(before)} -> ${sizeOf(after)}`;
}

function sizeOf(content: Buffer | null): string {
  return content === null ? 'absent' : `${content.length} bytes`;
}

function sentence(path: string, diff: string): FileDiff {
  return { path, diff, truncated: false, omittedLines: 0 };
}
