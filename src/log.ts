import type pino from 'pino';
import { FlotillaError } from './errors.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';
export type Logger = pino.Logger;

/** Fields that could hold rendered content, a tenant's values or key material: never written, whatever passes them. */
const REDACTED = [
  'content',
  'diff',
  'env',
  'environment',
  'values',
  'stderr',
  'stdout',
  'key',
  'token',
  'password',
].flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export interface LoggerOptions {
  level: LogLevel;
  /** For people: coloured lines instead of JSON. */
  pretty: boolean;
  /** A file descriptor; standard error by default. Written synchronously, so that nothing is lost at the end. */
  destination?: number;
}

/**
 * The one factory of loggers: JSON lines, or lines for a terminal. Messages are constant and lowercase, data goes into
 * fields. An error is reduced to its code: what a foreign error says may hold what must not leave the host.
 */
export async function createLogger({ level, pretty, destination = 2 }: LoggerOptions): Promise<Logger> {
  const { default: pino } = await import('pino');
  const stream = pretty
    ? (await import('pino-pretty')).default({ destination, sync: true, ignore: 'pid,hostname' })
    : pino.destination({ dest: destination, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { err: serializeError, error: serializeError },
    },
    stream,
  );
}

function serializeError(error: unknown): Record<string, unknown> {
  if (error instanceof FlotillaError) {
    const { code, message, terminal, phase } = error;
    return { code, message, terminal, ...(phase !== undefined && { phase }) };
  }
  if (!(error instanceof Error)) return { type: typeof error };
  const code = (error as NodeJS.ErrnoException).code;
  return { type: error.name, ...(code !== undefined && { code }), stack: withoutMessage(error) };
}

/** Where it happened, without what it said. */
function withoutMessage({ stack = '' }: Error): string[] {
  return stack
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 8)
    .map((line) => line.trim());
}
