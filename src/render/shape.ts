/**
 * A rendered text with its values marked instead of written out: `image: <0>/api:<1>`. Two instances of a template mostly
 * have the same shape, so that YAML of that shape needs to be parsed only once (`parse-shaped.ts`).
 */
export interface Shape {
  text: string;
  /** The values behind the marks, in order. */
  words: string[];
  /** False once something was met that looks like a mark. */
  usable: boolean;
}

// Of the private use area: YAML takes them for letters, and they stand in nobody's template.
const OPEN = '\uE000';
const CLOSE = '\uE001';
const MARK = /\uE000(\d+)\uE001/;

/**
 * A value that YAML reads as a piece of the scalar it stands in, wherever that is: it starts and ends with a letter or
 * digit, and holds nothing that YAML might take for an indicator, a line break or a comment.
 */
const PLAIN_WORD = /^[A-Za-z0-9](?:[A-Za-z0-9._:/@+-]{0,198}[A-Za-z0-9])?$/;

export function newShape(): Shape {
  return { text: '', words: [], usable: true };
}

export function shapeText(shape: Shape, text: string): Shape {
  if (text.includes(OPEN)) shape.usable = false;
  shape.text += text;
  return shape;
}

/** A value: marked when it is plain enough, otherwise a part of the shape. */
export function shapeWord(shape: Shape, word: string): void {
  if (!PLAIN_WORD.test(word)) {
    shapeText(shape, word);
    return;
  }
  shape.text += `${OPEN}${shape.words.length}${CLOSE}`;
  shape.words.push(word);
}

export function hasMark(text: string): boolean {
  return text.includes(OPEN);
}

/** A text with marks as a list of what stands still (at even places) and the numbers of words (at odd places). */
export function splitMarks(text: string): (string | number)[] {
  return text.split(MARK).map((part, i) => (i % 2 === 0 ? part : Number(part)));
}
