const LONGEST_NAME_BYTES = 255;
const LONGEST_PATH_BYTES = 2_000;

/** Why a path that a tree of git holds must not be that of a file; null when it may. */
export function pathFault(path: string, isUtf8: boolean): string | null {
  if (!isUtf8) return 'has a name that is not UTF-8';
  if (/\p{Cc}/u.test(path)) return 'has a control character in its name';
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) return 'has a path that is too long';
  for (const name of path.split('/')) {
    if (name === '' || name === '.' || name === '..') return 'has a name that no file can have';
    if (name.toLowerCase() === '.git') return 'is inside a .git folder';
    if (name.includes('\\')) return 'has a backslash in its name';
    if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) return 'has a name that is too long';
  }
  return null;
}
