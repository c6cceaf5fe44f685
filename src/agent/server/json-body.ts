import { FlotillaError } from '../../errors.js';

/** No message is deeper than a dozen. */
const MAX_DEPTH = 32;
/** A request for 1000 instances of 500 paths each; parsed, an empty object takes 28 times its two bytes. */
const MAX_VALUES = 1_000_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Refuses a body that would take far more memory and time, parsed, than its size: looks at brackets and commas only, so
 * that it costs little and allocates nothing. Whether it is JSON is left to the parser.
 *
 * @throws FlotillaError RequestTooLarge
 */
export function boundJson(body: Buffer): void {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] as number;
    if (byte === QUOTE) i = endOfString(body, i);
    else if (byte === COMMA) values += 1;
    else if (OPENING.has(byte)) {
      depth += 1;
      values += 1;
    } else if (CLOSING.has(byte)) depth -= 1;
    if (depth > MAX_DEPTH) throw tooMuch('is nested more deeply');
    if (values > MAX_VALUES) throw tooMuch('holds more values');
  }
}

/** The index of the quote that ends the string which begins at `start`; the last byte's where none does. */
function endOfString(body: Buffer, start: number): number {
  for (let end = body.indexOf(QUOTE, start + 1); end !== -1; end = body.indexOf(QUOTE, end + 1)) {
    let escapes = 0;
    while (body[end - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return body.length - 1;
}

function tooMuch(what: string): FlotillaError {
  return new FlotillaError('RequestTooLarge', `the request ${what} than an agent takes`);
}
