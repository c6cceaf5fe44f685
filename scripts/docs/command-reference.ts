import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.js';

const WIDTH = 100;

/** What `flotilla --help` and the help of every command print, as Markdown that ends in a line feed. */
export function commandReference(): string {
  const program = buildProgram('0.0.0', async () => undefined);
  const shown = program.commands.filter((each) => each.name() !== 'complete');
  const sections = shown.map((each) => `## flotilla ${each.name()}\n\n${helpOf(each)}`);
  return ['## flotilla\n', helpOf(program), ...sections].join('\n');
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
