import type { Command } from 'commander';

/** What `--help` says of one command. */
export interface CommandHelp {
  summary: string;
  description: string;
  examples: readonly string[];
}

/** Declares a command below another. @param usage its name and arguments, as `render <SLUG>` */
export function declareCommand(parent: Command, usage: string, help: CommandHelp): Command {
  return parent
    .command(usage)
    .summary(help.summary)
    .description(help.description)
    .addHelpText('after', `\nExamples:\n${help.examples.map((line) => `  ${line}\n`).join('')}`);
}
