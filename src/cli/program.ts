import { Command, Option } from 'commander';
import { declareCommand } from './declare-command.js';
import { HELP } from './help-texts.js';
import type { Perform } from './perform.js';
import { declarePki } from './pki-program.js';
import { declareStateCommands, stateOption } from './state-program.js';
import { declareWatch } from './watch/declare-watch.js';
import { wholeNumber } from './whole-number.js';

const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'];
/** They read no desired state. */
const STANDALONE = new Set([
  'watch',
  'history',
  'events',
  'wait',
  'confirm',
  'agent',
  'pki',
  'schema',
  'completion',
  'complete',
]);
const REPORT_FORMATS = ['text', 'json', 'yaml', 'markdown'];

/**
 * Declares every command with its options and help. An action's module is loaded only once its command is chosen, so
 * that asking for help loads nothing else.
 *
 * @param perform runs an action; it keeps the exit code
 */
export function buildProgram(version: string, perform: Perform): Command {
  const program = new Command('flotilla')
    .description(HELP.flotilla.description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help, or the help of a command')
    .helpCommand('help [COMMAND]', 'print the help of a command')
    .showHelpAfterError('(flotilla --help lists all commands; flotilla COMMAND --help explains one)')
    .exitOverride()
    .addHelpText('after', `\n${HELP.flotilla.after}`);
  program.configureHelp({
    subcommandTerm: (each) => `${each.name()} ${each.usage().replace(/^\[options\] ?/, '')}`.trimEnd(),
  });
  for (const declare of [
    declareReconcile,
    declareDiff,
    declareValidate,
    declareRender,
    declareGet,
    declareStateCommands,
    declareGenerations,
    declareRollback,
    declareSetImage,
    declareSuspend,
    declareResume,
    declareWatch,
    declareAgent,
    declarePki,
    declareSchema,
    declareCompletion,
    declareComplete,
  ]) {
    declare(program, perform);
  }
  for (const each of program.commands) {
    if (!STANDALONE.has(each.name())) addCommonOptions(each);
  }
  return program;
}

type CommandName = Exclude<keyof typeof HELP, 'flotilla'>;

function command(program: Command, name: CommandName, args: string): Command {
  return declareCommand(program, `${name}${args === '' ? '' : ` ${args}`}`, HELP[name]);
}

function declareReconcile(program: Command, perform: Perform): void {
  command(program, 'reconcile', '[SLUG...]')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--files-only', 'with --dry-run: preview files and variables, leave containers out (fast)')
    .option('--detailed-exitcode', 'exit with 2 when changes are pending and nothing failed')
    .addOption(concurrency())
    .option('--ignore-hold', 'apply even what a rollback holds back')
    .option('--ignore-window', 'apply updates outside of maintenance windows too')
    .addOption(format(REPORT_FORMATS))
    .action((slugs, options) =>
      perform(async () => (await import('./reconcile.js')).reconcileCommand, { slugs }, options),
    );
}

function declareDiff(program: Command, perform: Perform): void {
  command(program, 'diff', '<SLUG...>')
    .option('--detailed-exitcode', 'exit with 2 when files differ and nothing failed')
    .addOption(format(['text', 'json', 'yaml']))
    .action((slugs, options) => perform(async () => (await import('./diff.js')).diffCommand, { slugs }, options));
}

function declareValidate(program: Command, perform: Perform): void {
  command(program, 'validate', '')
    .option('--render', 'render every instance too')
    .option('--watch', 'check again after each save, until interrupted')
    .addOption(format(['text', 'json']))
    .action((options) => perform(async () => (await import('./validate.js')).validateCommand, {}, options));
}

function declareRender(program: Command, perform: Perform): void {
  command(program, 'render', '<SLUG>')
    .option('--output <DIR>', 'write the files below DIR instead of printing them')
    .option('--file <PATH>', 'print this one file, byte for byte')
    .option('--show-sensitive', 'print the contents of sensitive files too')
    .action((slug, options) => perform(async () => (await import('./render.js')).renderCommand, { slug }, options));
}

function declareGet(program: Command, perform: Perform): void {
  command(program, 'get', '[KIND] [NAME...]')
    .addOption(concurrency())
    .option('--live', 'ask the hosts, even where a daemon keeps its state')
    .option('-w, --watch', 'go on with instances that change, until interrupted')
    .addOption(stateOption())
    .addOption(format(['text', 'wide', 'json', 'yaml', 'name']))
    .action((kind, names, options) =>
      perform(async () => (await import('./get/get.js')).getCommand, { kind: kind ?? 'instances', names }, options),
    );
}

function declareGenerations(program: Command, perform: Perform): void {
  command(program, 'generations', '[SLUG]')
    .addOption(format(['text', 'json', 'yaml']))
    .action((slug, options) =>
      perform(async () => (await import('./generations.js')).generationsCommand, { slug }, options),
    );
}

function declareRollback(program: Command, perform: Perform): void {
  command(program, 'rollback', '<SLUG>')
    .addOption(
      new Option('--to <N>', 'the generation to bring back, as flotilla generations numbers them').argParser(
        wholeNumber,
      ),
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action((slug, options) => perform(async () => (await import('./rollback.js')).rollbackCommand, { slug }, options));
}

function declareSetImage(program: Command, perform: Perform): void {
  command(program, 'set-image', '<SLUG> <TAG>').action((slug, tag, options) =>
    perform(async () => (await import('./edit/set-image.js')).setImageCommand, { slug, tag }, options),
  );
}

function declareSuspend(program: Command, perform: Perform): void {
  command(program, 'suspend', '<SLUG...>').action((slugs, options) =>
    perform(async () => (await import('./edit/suspend.js')).suspendCommand, { slugs }, options),
  );
}

function declareResume(program: Command, perform: Perform): void {
  command(program, 'resume', '<SLUG...>').action((slugs, options) =>
    perform(async () => (await import('./edit/suspend.js')).resumeCommand, { slugs }, options),
  );
}

function declareAgent(program: Command, perform: Perform): void {
  command(program, 'agent', '')
    .addOption(
      new Option('--root <DIR>', "the directory of this host's instances").env('FLOTILLA_ROOT').makeOptionMandatory(),
    )
    .addOption(new Option('--listen <ADDRESS>', 'where to serve').env('FLOTILLA_LISTEN').default('0.0.0.0:7443'))
    .addOption(
      new Option('--pki <DIR>', "the folder with this host's certificate")
        .env('FLOTILLA_PKI')
        .default('/etc/flotilla/pki'),
    )
    .option('--check', 'say what is wrong with this host, and end')
    .addOption(new Option('-o, --format <FORMAT>', 'what --check prints').choices(['text', 'json']).default('text'))
    .addOption(
      new Option('--log-level <LEVEL>', 'log to standard error')
        .choices(LOG_LEVELS)
        .env('FLOTILLA_LOG_LEVEL')
        .default('info'),
    )
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .action((options) => perform(async () => (await import('./agent.js')).agentCommand, {}, options));
}

function declareSchema(program: Command, perform: Perform): void {
  command(program, 'schema', '[KIND]').action((kind) =>
    perform(async () => (await import('./schema.js')).schemaCommand, { kind }, { color: true }),
  );
}

function declareCompletion(program: Command, perform: Perform): void {
  command(program, 'completion', '<SHELL>').action((shell) =>
    perform(async () => (await import('./completion.js')).completionCommand, { shell }, { color: true }),
  );
}

/** What the completion scripts call: `flotilla complete -- WORD...`. */
function declareComplete(program: Command, perform: Perform): void {
  program
    .command('complete [WORD...]', { hidden: true })
    .allowUnknownOption()
    .action((words) =>
      perform(async () => (await import('./complete.js')).completeCommand, { words, program }, { color: true }),
    );
}

function addCommonOptions(target: Command): void {
  target
    .optionsGroup('Common options:')
    .addOption(
      new Option('--manifests <DIR>', 'where desired state is').env('FLOTILLA_MANIFESTS').default('./manifests'),
    )
    .addOption(new Option('--templates <DIR>', 'where templates are').env('FLOTILLA_TEMPLATES').default('./templates'))
    .addOption(
      new Option('--pki <DIR>', "the folder with the controller's certificate")
        .env('FLOTILLA_PKI')
        .default('./pki/controller'),
    )
    .option('-q, --quiet', 'no progress')
    .option('-v, --verbose', 'leave nothing out')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .addOption(
      new Option('--log-level <LEVEL>', 'log to standard error').choices(LOG_LEVELS).env('FLOTILLA_LOG_LEVEL'),
    );
}

function concurrency(): Option {
  return new Option('--concurrency <N>', 'instances at once on each host')
    .env('FLOTILLA_CONCURRENCY')
    .default(4)
    .argParser(wholeNumber);
}

function format(formats: readonly string[]): Option {
  return new Option('-o, --format <FORMAT>', 'what to print').choices(formats).default(formats[0]);
}
