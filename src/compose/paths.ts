/**
 * Joins a path of a compose file to the directory it is relative to; POSIX, and without asking any file system.
 *
 * @param base a directory, relative to the project ('' is the project itself) or absolute
 * @returns the path without `.`, and without `..` where that can be; relative to the project, or absolute
 */
export function resolveFrom(base: string, path: string): string {
  const joined = path.startsWith('/') ? path : `${base}/${path}`;
  const absolute = path.startsWith('/') || base.startsWith('/');
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!absolute) parts.push(part);
  }
  return (absolute ? '/' : '') + parts.join('/');
}

/** The directory of a path: '' for a file of the project directory itself. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? path.slice(0, slash + 1) : path.slice(0, slash);
}
