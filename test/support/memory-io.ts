import type { Io } from '../../src/cli/io.js';

/** An Io that keeps what is written; a terminal only where asked for. */
export function memoryIo(
  options: { tty?: boolean; env?: NodeJS.ProcessEnv } = {},
): Io & { stdout(): string; stderr(): string } {
  const written = { out: '', err: '' };
  const output = (to: 'out' | 'err') => ({
    isTty: options.tty ?? false,
    columns: () => 80,
    rows: () => 24,
    closed: () => false,
    write: async (text: string | Buffer) => {
      written[to] += text.toString();
    },
  });
  return {
    out: output('out'),
    err: output('err'),
    stdinIsTty: false,
    env: options.env ?? {},
    stdout: () => written.out,
    stderr: () => written.err,
  };
}
