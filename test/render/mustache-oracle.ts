import Mustache from 'mustache';

/**
 * Mustache's own writer, which also tells whether it ever met a name that the view does not have, or put a map, a list or
 * null into the text. The view's maps and lists have no prototype, so what mustache does not find is undefined.
 */
class Oracle extends Mustache.Writer {
  complaints = 0;

  override unescapedValue(token: string[], context: Mustache.Context): string {
    return this.look(token, context, true) ? super.unescapedValue(token, context) : '';
  }

  override escapedValue(token: string[], context: Mustache.Context): string {
    return this.unescapedValue(token, context);
  }

  override renderSection(...given: Parameters<Mustache.Writer['renderSection']>): string {
    this.look(given[0], given[1], false);
    return super.renderSection(...given);
  }

  override renderInverted(...given: Parameters<Mustache.Writer['renderInverted']>): string {
    this.look(given[0], given[1], false);
    return super.renderInverted(...given);
  }

  private look(token: string[], context: Mustache.Context, asText: boolean): boolean {
    const value: unknown = context.lookup(token[1] as string);
    const good = value !== undefined && !(asText && typeof value === 'object');
    if (!good) this.complaints++;
    return good;
  }
}

/** What mustache renders, and how often it would have put nothing (or `[object Object]`) where a name stands. */
export function renderWithMustache(
  text: string,
  view: object,
  partials: Readonly<Record<string, string>>,
): { text: string; complaints: number } {
  const oracle = new Oracle();
  const rendered = oracle.render(text, withoutPrototypes(view), partials);
  return { text: rendered, complaints: oracle.complaints };
}

function withoutPrototypes<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  // A list's prototype has a method `values`, which mustache would meet before the view's own name.
  if (Array.isArray(value)) return Object.setPrototypeOf(value.map(withoutPrototypes), null) as T;
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    { value: withoutPrototypes(inner), enumerable: true },
  ]);
  return Object.create(null, Object.fromEntries(entries) as PropertyDescriptorMap) as T;
}
