/** What is wrong with a path that a template renders a file to; null when nothing is. It must stay inside the instance. */
export function pathFault(path: string): string | null {
  if (path === '') return 'is empty';
  if (path.includes('\0')) return 'holds a NUL';
  if (NOT_PRINTABLE.test(path)) return 'holds a control character';
  if (path.includes('\\')) return 'holds a backslash';
  if (path.startsWith('/')) return 'is absolute';
  if (path.endsWith('/')) return 'names a directory';
  const segments = path.split('/');
  if (segments.includes('..')) return 'leads out of the instance';
  if (segments.at(-1) === '.') return 'names a directory';
  if (normalisePath(path).split('/')[0]?.toLowerCase() === '.flotilla')
    return "lies in .flotilla/, which is Flotilla's own";
  if (segments.some((segment) => Buffer.byteLength(segment) > 255)) return 'holds a name of more than 255 bytes';
  if (Buffer.byteLength(path) > 1024) return 'is longer than 1024 bytes';
  return null;
}

// Control characters, halves of surrogate pairs, and the separators that end a line.
const NOT_PRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Without `.` segments and doubled slashes. */
export function normalisePath(path: string): string {
  if (!SLOPPY.test(path)) return path;
  return path
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/');
}

const SLOPPY = /(?:^|\/)(?:\.?\/|\.$)/;

/**
 * Two paths that cannot both be files: the same, the same but for case or for the way letters are composed (one file on
 * some filesystems), or one a directory of the other.
 */
export function clashesOf(paths: readonly string[]): [path: string, other: string, fault: string][] {
  const files = new Map<string, string>();
  const clashes: [string, string, string][] = [];
  for (const path of paths) {
    const other = files.get(foldPath(path));
    if (other === undefined) files.set(foldPath(path), path);
    else
      clashes.push([
        path,
        other,
        other === path ? 'is rendered twice' : `differs from ${other} only in its letters' case`,
      ]);
  }
  for (const path of paths) {
    const folded = foldPath(path);
    for (let end = folded.indexOf('/'); end !== -1; end = folded.indexOf('/', end + 1)) {
      const file = files.get(folded.slice(0, end));
      if (file !== undefined) clashes.push([path, file, `needs a directory where ${file} is a file`]);
    }
  }
  return clashes;
}

/** What a filesystem that ignores case makes of a path. */
function foldPath(path: string): string {
  return path.normalize('NFC').toLowerCase();
}
