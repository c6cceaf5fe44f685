/** A revision that takes so many instances away that somebody should look first. */
export interface Shrink {
  before: number;
  after: number;
  message: string;
}

/**
 * An empty or half-empty source is more often a mistake (a wrong branch, a folder that moved) than a wish.
 *
 * @param shrinkTo the part (0 to 1) of the instances that must be left
 * @returns null when the revision may be taken
 */
export function findShrink({
  before,
  removed,
  shrinkTo,
}: {
  before: number;
  removed: number;
  shrinkTo: number;
}): Shrink | null {
  const after = before - removed;
  if (removed === 0 || (after > 0 && after >= before * shrinkTo)) return null;
  const left = after === 0 ? 'none of them' : `only ${after} of them`;
  return {
    before,
    after,
    message: `it would leave ${left}: ${before} instances were known, and ${removed} have no manifest any more`,
  };
}
