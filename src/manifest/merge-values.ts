import type { Value, Values } from './desired-state.js';

/**
 * `over` laid over `base`: where both have a map they merge, key by key; anything else in `over` (a list, a scalar,
 * null) replaces what `base` has. Keys keep the order of `base`, new ones follow. Neither argument is changed; parts
 * that only one of them has are shared with the result.
 */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Record<string, Value> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const below = Object.hasOwn(base, name) ? base[name] : undefined;
    const result = isMap(below) && isMap(value) ? mergeValues(below, value) : value;
    // a plain assignment to `__proto__` would set the prototype
    if (name === '__proto__') Object.defineProperty(merged, name, { ...OWN, value: result });
    else merged[name] = result;
  }
  return merged;
}

const OWN = { configurable: true, enumerable: true, writable: true } as const;

function isMap(value: Value | undefined): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
