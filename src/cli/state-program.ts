import { type Command, InvalidArgumentError, Option } from 'commander';
import { LONGEST_DURATION_MS, parseDuration } from '../manifest/duration.js';
import { declareCommand } from './declare-command.js';
import { HELP } from './help-texts.js';
import type { Perform } from './perform.js';
import { parseRevision } from './state/revision.js';
import { parseWaitTarget, type WaitTarget } from './state/wait-target.js';
import { wholeNumber } from './whole-number.js';

/** Declares the commands that read the daemon's memory, and `confirm`, which leaves a word for it. */
export function declareStateCommands(program: Command, perform: Perform): void {
  declareHistory(program, perform);
  declareEvents(program, perform);
  declareWait(program, perform);
  declareConfirm(program, perform);
}

/** Where the daemon keeps what it remembers. */
export function stateOption(): Option {
  return new Option('--state <DIR>', 'where the daemon keeps its state').env('FLOTILLA_STATE').default('./state');
}

function declareHistory(program: Command, perform: Perform): void {
  const command = declareCommand(program, 'history [SLUG]', HELP.history)
    .addOption(limit())
    .option('--id <ID>', 'all about this one upgrade; the start of its id is enough')
    .option('-v, --verbose', 'all about each: files, phases, error, log')
    .addOption(format(['text', 'wide', 'json', 'yaml']));
  addStateOptions(command).action((slug, options) =>
    perform(async () => (await import('./state/history.js')).historyCommand, { slug }, options),
  );
}

function declareEvents(program: Command, perform: Perform): void {
  const command = declareCommand(program, 'events [SLUG]', HELP.events)
    .option('-w, --watch', 'go on with those that come, until interrupted')
    .addOption(limit())
    .addOption(new Option('--types <TYPE>', 'only these').choices(['Normal', 'Warning']))
    .addOption(format(['text', 'json', 'yaml']));
  addStateOptions(command).action((slug, options) =>
    perform(async () => (await import('./state/events.js')).eventsCommand, { slug }, options),
  );
}

function declareWait(program: Command, perform: Perform): void {
  const command = declareCommand(program, 'wait <SLUG...>', HELP.wait)
    .addOption(
      new Option('--for <CONDITION>', 'Ready, Reconciling, Stalled or Drifted; =False for that it is not')
        .argParser(waitTarget)
        .default({ type: 'Ready', status: 'True' } satisfies WaitTarget, 'Ready'),
    )
    .addOption(
      new Option('--revision <REVISION>', 'first until the daemon has accepted this one').argParser(parseRevision),
    )
    .addOption(
      new Option('--timeout <DURATION>', 'how long at most; 0s looks once')
        .argParser(duration)
        .default(5 * 60_000, '5m'),
    );
  addStateOptions(command).action((slugs, options) =>
    perform(async () => (await import('./state/wait.js')).waitCommand, { slugs }, options),
  );
}

function declareConfirm(program: Command, perform: Perform): void {
  const command = declareCommand(program, 'confirm', HELP.confirm).argument('<REVISION>', '', parseRevision);
  addStateOptions(command).action((revision, options) =>
    perform(async () => (await import('./state/confirm-revision.js')).confirmCommand, { revision }, options),
  );
}

function addStateOptions(command: Command): Command {
  return command
    .optionsGroup('Common options:')
    .addOption(stateOption())
    .option('-q, --quiet', 'no hints')
    .option('--no-color', 'no colours (NO_COLOR does the same)');
}

function limit(): Option {
  return new Option('--limit <N>', 'how many at most').default(20).argParser(wholeNumber);
}

function format(formats: readonly string[]): Option {
  return new Option('-o, --format <FORMAT>', 'what to print').choices(formats).default(formats[0]);
}

function waitTarget(text: string): WaitTarget {
  const target = parseWaitTarget(text);
  if (target) return target;
  throw new InvalidArgumentError('It must be Ready, Reconciling, Stalled or Drifted, with =True or =False after it.');
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms > LONGEST_DURATION_MS) {
    throw new InvalidArgumentError('It must be a duration such as 90s, 5m or 1h30m, 24h at most.');
  }
  return ms;
}
