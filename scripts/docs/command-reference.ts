import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.js';

const WIDTH = 100;

/** What `flotilla --help` and the help of every command print, as Markdown that ends in a line feed. */
export function commandReference(): string {
  const program = buildProgram('0.0.0', async () => undefined);
  return ['## flotilla\n', helpOf(program), ...sectionsOf(program, 'flotilla')].join('\n');
}

function sectionsOf(parent: Command, path: string): string[] {
  const shown = parent.commands.filter((each) => each.name() !== 'complete') as Command[];
  return shown.flatMap((each) => {
    const name = `${path} ${each.name()}`;
    return [`## ${name}\n\n${helpOf(each)}`, ...sectionsOf(each, name)];
  });
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}
