/**
 * The known name that a person most likely meant, or undefined when none is near enough to be worth saying.
 * Near means: equal but for case, or at most a third of the longer name's letters (at least one, at most four) to change.
 * Ties go to the name that comes first in `known`.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.slice(0, LONGEST_COMPARED).toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const longest = Math.max(wanted.length, candidate.length);
    const allowed = Math.min(MOST_EDITS, Math.max(1, Math.floor(longest / 3)), bestDistance - 1);
    if (Math.abs(wanted.length - candidate.length) > allowed) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), allowed);
    if (distance <= allowed && distance < longest) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

const MOST_EDITS = 4;
/** Names are short; a longer text is compared by its start so that a hostile one costs nothing. */
const LONGEST_COMPARED = 128;

/**
 * Letters to insert, remove, change or swap with a neighbour to turn `a` into `b` (the optimal string alignment distance),
 * or any number above `limit` once it is known to exceed that.
 */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let smallest = row;
    for (let column = 1; column <= b.length; column++) {
      const changed = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + changed);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      }
      current.push(cost);
      smallest = Math.min(smallest, cost);
    }
    if (smallest > limit + 1) return smallest;
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
