/**
 * Draws coloured terminal output as an SVG: the pictures in docs/images.
 *
 *   FORCE_COLOR=1 flotilla reconcile --dry-run --quiet | npx tsx scripts/ansi-to-svg.ts 'flotilla reconcile --dry-run' >docs/images/dry-run.svg
 *
 * The argument is shown as the command that was typed. Understands what Flotilla prints: bold, dim and the basic colours.
 */
import { readFileSync } from 'node:fs';

const CHAR_WIDTH = 7.83;
const LINE_HEIGHT = 18;
const FONT_SIZE = 13;
const PADDING = 18;
const BAR = 30;

const COLORS: Readonly<Record<number, string>> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  36: '#79c0ff',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what to look for
const STYLE_CODE = /\u001b\[([\d;]*)m/;
const FOREGROUND = '#d6dde6';
const DIM = '#8b98a5';
const BACKGROUND = '#10161d';

interface Style {
  bold: boolean;
  dim: boolean;
  color: number | null;
}

interface Span {
  column: number;
  text: string;
  style: Style;
}

const command = process.argv[2] ?? '';
const output = readFileSync(0, 'utf8').replace(/\n$/, '');
process.stdout.write(drawTerminal([`\u001b[2m$\u001b[22m \u001b[1m${command}\u001b[22m`, ...output.split('\n')]));

function drawTerminal(lines: readonly string[]): string {
  const rows = lines.map(parseLine);
  const columns = Math.max(...rows.flat().map((span) => span.column + span.text.length));
  const width = Math.ceil(columns * CHAR_WIDTH + 2 * PADDING);
  const height = BAR + rows.length * LINE_HEIGHT + PADDING;
  const texts = rows.flatMap((spans, row) => (spans.length === 0 ? [] : [drawRow(spans, row)]));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(command)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (fill, i) => `<circle cx="${20 + i * 18}" cy="17" r="5.5" fill="${fill}"/>`,
    ),
    `<g font-family="ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', Consolas, monospace" font-size="${FONT_SIZE}" fill="${FOREGROUND}">`,
    ...texts,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Every span is placed by its column, so that a font of another width cannot shift what is aligned. */
function drawRow(spans: readonly Span[], row: number): string {
  const y = BAR + row * LINE_HEIGHT + FONT_SIZE;
  const drawn = spans.map(({ column, text, style }) => {
    const x = (PADDING + column * CHAR_WIDTH).toFixed(1);
    const fill = style.dim ? DIM : style.color === null ? null : COLORS[style.color];
    const attributes = `${fill ? ` fill="${fill}"` : ''}${style.bold ? ' font-weight="bold"' : ''}`;
    return `<tspan x="${x}"${attributes}>${escapeXml(text)}</tspan>`;
  });
  return `<text y="${y}">${drawn.join('')}</text>`;
}

/** Runs of blanks, which an SVG would draw as one, part a line into spans. */
function parseLine(line: string): Span[] {
  const spans: Span[] = [];
  let style: Style = { bold: false, dim: false, color: null };
  let column = 0;
  for (const [index, piece] of line.split(STYLE_CODE).entries()) {
    if (index % 2 === 1) {
      style = piece.split(';').map(Number).reduce(applyCode, style);
      continue;
    }
    for (const { index: at, 0: text } of piece.matchAll(/\S+(?: \S+)*/g))
      spans.push({ column: column + at, text, style });
    column += piece.length;
  }
  return spans;
}

function applyCode(style: Style, code: number): Style {
  switch (code) {
    case 0:
      return { bold: false, dim: false, color: null };
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 22:
      return { ...style, bold: false, dim: false };
    case 39:
      return { ...style, color: null };
    default:
      return code in COLORS ? { ...style, color: code } : style;
  }
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
