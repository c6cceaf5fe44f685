import type { Logger, LogLevel } from '../log.js';
import type { Paint } from '../plan/format-text.js';
import { createPaint, type Io, wantsColor } from './io.js';

/** Options that most commands share; `program.ts` declares them. */
export interface SharedOptions {
  manifests: string;
  templates: string;
  /** The folder with the controller's certificate. */
  pki: string;
  color: boolean;
  quiet?: boolean;
  verbose?: boolean;
  logLevel?: LogLevel;
}

/** What a command works with besides its own arguments. */
export interface Context {
  io: Io;
  /** For standard output. */
  paint: Paint;
  /** For standard error. */
  errPaint: Paint;
  quiet: boolean;
  verbose: boolean;
  /** null unless --log-level asks for logs: then pino is not even loaded. */
  log: Logger | null;
}

export async function createContext(
  io: Io,
  options: Pick<SharedOptions, 'color' | 'quiet' | 'verbose' | 'logLevel'>,
): Promise<Context> {
  return {
    io,
    paint: createPaint(wantsColor(io.out, io.env, options.color)),
    errPaint: createPaint(wantsColor(io.err, io.env, options.color)),
    quiet: options.quiet ?? false,
    verbose: options.verbose ?? false,
    log: options.logLevel === undefined ? null : await openLog(options.logLevel, io),
  };
}

async function openLog(level: LogLevel, io: Io): Promise<Logger> {
  const { createLogger } = await import('../log.js');
  return createLogger({ level, pretty: io.err.isTty });
}
