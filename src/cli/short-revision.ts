/** Enough of a commit or a digest to tell it from others. */
export function shortRevision(revision: string): string {
  return revision.replace(/^sha256:/, '').slice(0, 12);
}
