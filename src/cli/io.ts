import pc from 'picocolors';
import type { Paint } from '../plan/format-text.js';

/** What a command may touch of the process. Results go to `out`, everything else to `err`. */
export interface Io {
  out: Output;
  err: Output;
  /** Whether a person can answer a question. */
  stdinIsTty: boolean;
  env: NodeJS.ProcessEnv;
}

export interface Output {
  isTty: boolean;
  columns(): number;
  rows(): number;
  /** Whether the reader has gone away, as far as writing to it has shown. */
  closed(): boolean;
  /** Resolves once the text has been handed to the system, so that nothing is lost at exit. */
  write(text: string | Buffer): Promise<void>;
}

/** The process's own streams. A reader that has gone away (`| head`) is no error: what is left is dropped. */
export function createProcessIo(): Io {
  return {
    out: createOutput(process.stdout),
    err: createOutput(process.stderr),
    stdinIsTty: process.stdin.isTTY === true,
    env: process.env,
  };
}

function createOutput(stream: NodeJS.WriteStream): Output {
  let closed = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closed = true;
  });
  return {
    isTty: stream.isTTY === true,
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    closed: () => closed,
    write: (text) =>
      new Promise((resolve) => {
        if (closed || text.length === 0) return resolve();
        stream.write(text, () => resolve());
      }),
  };
}

/** Whether to colour what goes to `output`: NO_COLOR and --no-color win, then FORCE_COLOR, then whether it is a terminal. */
export function wantsColor(output: Output, env: NodeJS.ProcessEnv, flag: boolean): boolean {
  if (!flag || (env.NO_COLOR ?? '') !== '') return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  return output.isTty && env.TERM !== 'dumb';
}

/** The colours of a terminal, or none. */
export function createPaint(color: boolean): Paint {
  return pc.createColors(color);
}
