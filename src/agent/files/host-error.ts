import { FlotillaError } from '../../errors.js';

/** The errno name (`ENOENT`) of a Node system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/**
 * Translates what a file system call threw. `doing` completes "cannot ...", such as `write nginx.conf in /srv/tenants/acme`:
 * it may name paths, never content. A FlotillaError passes through.
 */
export function toHostError(error: unknown, doing: string): FlotillaError {
  if (error instanceof FlotillaError) return error;
  const errno = errnoOf(error);
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FlotillaError('DiskFull', `cannot ${doing}: the disk is full`, {
        cause: error,
        hint: 'free some space on that file system (or raise the quota), and reconcile again',
      });
    case 'EACCES':
    case 'EPERM':
      return notWritable(
        error,
        `cannot ${doing}: permission denied (${errno})`,
        'give the user that runs Flotilla write access there, and check that nothing there is immutable (lsattr)',
      );
    case 'EROFS':
      return notWritable(
        error,
        `cannot ${doing}: the file system is read-only`,
        'remount it writable; a file system that turns read-only by itself often has a failing disk',
      );
    case 'EXDEV':
    case 'EBUSY':
      return notWritable(
        error,
        `cannot ${doing}: it is a mount of its own (${errno})`,
        'files are put in place by rename, so every rendered path must be in the same mount as the instance directory',
      );
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ENOTEMPTY':
      return notWritable(
        error,
        `cannot ${doing}: a directory is where a file should be, or the other way round`,
        'move away what is there; Docker makes a directory where a mounted file is missing',
      );
    case 'ELOOP':
      return new FlotillaError('PathEscapes', `cannot ${doing}: a symbolic link is in the way`, { cause: error });
    default:
      return new FlotillaError('Internal', `cannot ${doing}: ${errno ?? 'unexpected error'}`, { cause: error });
  }
}

function notWritable(cause: unknown, message: string, hint: string): FlotillaError {
  return new FlotillaError('NotWritable', message, { cause, hint });
}
