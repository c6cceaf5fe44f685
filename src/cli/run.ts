import { type Command, CommanderError } from 'commander';
import { EXIT_DONE, EXIT_ERROR } from './exit-code.js';
import { createPaint, type Io, wantsColor } from './io.js';
import { buildProgram } from './program.js';
import { readVersion } from './version.js';

/**
 * Runs one command line.
 *
 * @param argv the words after `flotilla`
 * @returns the exit code; never throws
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT_DONE;
  const written: Promise<void>[] = [];
  const program = buildProgram(readVersion(), async (load, args, options) => {
    const action = await load();
    exitCode = await action(args, { ...(options as object), io });
  });
  const output = {
    writeOut: (text: string) => void written.push(io.out.write(text)),
    writeErr: (text: string) => void written.push(io.err.write(text)),
    getOutHelpWidth: () => helpWidth(io.out.columns()),
    getErrHelpWidth: () => helpWidth(io.err.columns()),
  };
  for (const each of withCommandsBelow(program)) each.configureOutput(output);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    exitCode = await report(error, argv, io);
  }
  await Promise.all(written);
  return exitCode;
}

function withCommandsBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap((each) => withCommandsBelow(each as Command))];
}

/** Commander has printed its own errors already; asking for help or the version is no error. */
async function report(error: unknown, argv: readonly string[], io: Io): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_ERROR;
  const { formatError } = await import('./format-error.js');
  const paint = createPaint(wantsColor(io.err, io.env, !argv.includes('--no-color')));
  await io.err.write(formatError(error, paint));
  return EXIT_ERROR;
}

function helpWidth(columns: number): number {
  return Math.min(Math.max(columns, 60), 120);
}
