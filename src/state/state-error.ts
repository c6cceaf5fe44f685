import { FlotillaError } from '../errors.js';

/** Translates what the file system says of the state directory. `doing` completes "cannot ..." and may name paths. */
export function toStateError(error: unknown, doing: string): FlotillaError {
  if (error instanceof FlotillaError) return error;
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FlotillaError('DiskFull', `cannot ${doing}: the disk is full`, {
        cause: error,
        hint: 'free some space on that file system (or raise the quota)',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FlotillaError('NotWritable', `cannot ${doing}: permission denied (${code})`, {
        cause: error,
        hint: 'run as the user that it belongs to, check that it is mounted writable, or name another with --state',
      });
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ELOOP':
      return new FlotillaError(
        'ConfigInvalid',
        `cannot ${doing}: no such directory, or something else is there (${code})`,
        {
          cause: error,
          hint: "is the daemon's state elsewhere? name it with --state",
        },
      );
    default:
      return new FlotillaError('Internal', `cannot ${doing}: ${code ?? 'unexpected error'}`, { cause: error });
  }
}
