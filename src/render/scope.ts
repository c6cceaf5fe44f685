import { nearestName } from '../manifest/nearest.js';

/** What names are looked up in, outermost first: the view, then what each open section has put on top. */
export type Scope = unknown[];

/** Not a value: the name is unknown. */
export const MISSING: unique symbol = Symbol('missing');

/**
 * Looks a name up as mustache does: in the innermost scope that has the whole dotted path. Only own members count, so
 * nothing of a prototype is ever found; and a text has no members.
 */
export function findInScope(scope: Scope, path: readonly string[]): unknown {
  const first = path[0] as string;
  if (path.length === 1 && first === '.') return scope[scope.length - 1];
  for (let i = scope.length - 1; i >= 0; i--) {
    const found = descend(scope[i], path);
    if (found !== MISSING) return found;
  }
  return MISSING;
}

function descend(from: unknown, path: readonly string[]): unknown {
  let current = from;
  for (const name of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, name)) return MISSING;
    current = (current as Record<string, unknown>)[name];
  }
  return current;
}

/**
 * The name in scope that was most likely meant: the same path with its first unknown part mended, or the same name one
 * level down (`domain` for `values.domain`).
 */
export function nearestInScope(scope: Scope, path: readonly string[]): string | undefined {
  const known = [...new Set(scope.flatMap(namesOf))];
  const first = path[0] as string;
  if (!known.includes(first)) {
    const below = known.find((name) => findInScope(scope, [name, ...path]) !== MISSING);
    if (below !== undefined) return [below, ...path].join('.');
    const near = nearestName(first, known);
    return near === undefined ? undefined : [near, ...path.slice(1)].join('.');
  }
  for (let length = 1; length < path.length; length++) {
    const owner = findInScope(scope, path.slice(0, length));
    const part = path[length] as string;
    const names = namesOf(owner);
    if (names.includes(part)) continue;
    const near = nearestName(part, names);
    return near === undefined ? undefined : [...path.slice(0, length), near, ...path.slice(length + 1)].join('.');
  }
  return undefined;
}

function namesOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}
