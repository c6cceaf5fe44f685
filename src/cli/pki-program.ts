import { type Command, Option } from 'commander';
import { declareCommand } from './declare-command.js';
import { HELP } from './help-texts.js';
import type { Perform } from './perform.js';
import { PKI_HELP } from './pki-help.js';
import { wholeNumber } from './whole-number.js';

/** Declares `flotilla pki` and the commands below it. */
export function declarePki(program: Command, perform: Perform): void {
  const pki = declareCommand(program, 'pki', HELP.pki).helpCommand(false);
  const load = () => import('./pki.js');
  below(pki, 'init', PKI_HELP.init).action((options) => perform(async () => (await load()).initCommand, {}, options));
  declareIssue(pki, perform);
  below(pki, 'renew [NAME...]', PKI_HELP.renew)
    .option('--all', 'all names whose certificate is not revoked')
    .addOption(days('for how long; as long as before when left out'))
    .action((names, options) => perform(async () => (await load()).renewCommand, { names }, options));
  below(pki, 'revoke <NAME|SERIAL>', PKI_HELP.revoke).action((wanted, options) =>
    perform(async () => (await load()).revokeCommand, { wanted }, options),
  );
  below(pki, 'show', PKI_HELP.show)
    .addOption(new Option('-o, --format <FORMAT>', 'what to print').choices(['text', 'json']).default('text'))
    .action((options) => perform(async () => (await import('./pki-show.js')).showCommand, {}, options));
}

function declareIssue(pki: Command, perform: Perform): void {
  const load = () => import('./pki.js');
  const issue = declareCommand(pki, 'issue', PKI_HELP.issue).helpCommand(false);
  below(issue, 'controller [NAME]', PKI_HELP['issue controller'])
    .addOption(days('for how long; never longer than the authority').default(90))
    .action((name, options) => perform(async () => (await load()).issueCommand, { role: 'controller', name }, options));
  below(issue, 'agent <NAME>', PKI_HELP['issue agent'])
    .option('--san <SAN...>', 'DNS:NAME or IP:ADDRESS by which controllers reach it; several at once, or repeated')
    .addOption(days('for how long; never longer than the authority').default(90))
    .action((name, options) => perform(async () => (await load()).issueCommand, { role: 'agent', name }, options));
}

/** A command with what all of them take. */
function below(parent: Command, usage: string, help: (typeof PKI_HELP)[keyof typeof PKI_HELP]): Command {
  return declareCommand(parent, usage, help)
    .addOption(
      new Option('--dir <DIR>', 'where the authority and all it issued are').env('FLOTILLA_PKI_DIR').default('./pki'),
    )
    .option('--no-color', 'no colours (NO_COLOR does the same)');
}

function days(description: string): Option {
  return new Option('--days <N>', description).argParser(wholeNumber);
}
