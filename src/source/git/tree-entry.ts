import { isUtf8 } from 'node:buffer';

/** One entry of a commit's tree that is no tree itself. */
export interface TreeEntry {
  /** In octal, such as `100644`. */
  mode: string;
  oid: string;
  /** As bytes that are not UTF-8 are replaced, such a path is not one to be written. */
  path: string;
  isUtf8: boolean;
}

/** What `git ls-tree -r -z` prints: `MODE TYPE OID<TAB>PATH<NUL>` for each entry. */
export function parseTreeEntries(printed: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let start = 0, end = printed.indexOf(0); end !== -1; start = end + 1, end = printed.indexOf(0, start)) {
    const tab = printed.indexOf(9, start);
    const [mode = '', , oid = ''] = printed.toString('latin1', start, tab).split(' ');
    const path = printed.subarray(tab + 1, end);
    entries.push({ mode, oid, path: path.toString('utf8'), isUtf8: isUtf8(path) });
  }
  return entries;
}
