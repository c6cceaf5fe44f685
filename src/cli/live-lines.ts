import { stripVTControlCharacters } from 'node:util';
import type { Output } from './io.js';

export interface LiveLines {
  /** One more instance is to be done. */
  add(): void;
  set(name: string, text: string): void;
  /** It is done. */
  remove(name: string): void;
  say(line: string): void;
  end(): void;
}

const FRAME_MS = 80;
const UP_AND_CLEAR = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A\u001b[0J`);

/**
 * A block of lines at the bottom of a terminal, one for each name at work and a count below, drawn anew at most every
 * 80 ms. Own work rather than a task-list library: those take their tasks up front and keep a line for each of them, and
 * a fleet has more instances than a terminal has rows.
 */
export function createLiveLines(output: Output): LiveLines {
  const busy = new Map<string, { text: string; since: number }>();
  let total = 0;
  let done = 0;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  const frame = (): string[] => {
    const room = Math.max(1, output.rows() - 2);
    const now = Date.now();
    const width = Math.max(...[...busy.keys()].map((name) => name.length), 0);
    const lines = [...busy].slice(0, room).map(([name, { text, since }]) => {
      const seconds = Math.floor((now - since) / 1000);
      return clip(`${name.padEnd(width)}  ${text}${seconds > 0 ? `  ${seconds}s` : ''}`, output.columns());
    });
    return [...lines, clip(`${done} of ${total} done`, output.columns())];
  };
  const draw = (above = '') => {
    clearTimeout(timer);
    timer = undefined;
    const lines = frame();
    void output.write(`${UP_AND_CLEAR(drawn)}${above}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const later = () => {
    timer ??= setTimeout(draw, FRAME_MS).unref();
  };
  const clock = setInterval(later, 1000).unref();

  return {
    add() {
      total++;
      later();
    },
    set(name, text) {
      const since = busy.get(name)?.since ?? Date.now();
      busy.set(name, { text, since });
      later();
    },
    remove(name) {
      busy.delete(name);
      done++;
      later();
    },
    say: (line) => draw(`${line}\n`),
    end() {
      clearInterval(clock);
      clearTimeout(timer);
      timer = undefined;
      void output.write(UP_AND_CLEAR(drawn));
      drawn = 0;
    },
  };
}

/** A line that wrapped could not be taken back. */
function clip(line: string, columns: number): string {
  return stripVTControlCharacters(line).slice(0, Math.max(1, columns - 1));
}
