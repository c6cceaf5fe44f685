import { type Command, Option } from 'commander';
import { declareCommand } from '../declare-command.js';
import { HELP } from '../help-texts.js';
import type { Perform } from '../perform.js';

/**
 * Declares `watch`. Its options have no defaults and read no variables by themselves: the configuration file stands between
 * them, and what is given here wins over it.
 */
export function declareWatch(program: Command, perform: Perform): void {
  declareCommand(program, 'watch', HELP.watch)
    .option('--config <FILE>', 'settings of the daemon (FLOTILLA_CONFIG)')
    .option('--check-config', 'say what is wrong with the settings, and end')
    .option('--manifests <DIR>', 'where desired state is (FLOTILLA_MANIFESTS; default ./manifests)')
    .option('--templates <DIR>', 'where templates are (FLOTILLA_TEMPLATES; default ./templates)')
    .option('--state <DIR>', 'where it keeps what it remembers (FLOTILLA_STATE; default ./state)')
    .option('--pki <DIR>', "the folder with the controller's certificate (FLOTILLA_PKI; default ./pki/controller)")
    .option(
      '--listen <ADDRESS>',
      'where to serve metrics, probes and webhooks; "off" for nowhere (FLOTILLA_LISTEN; default 127.0.0.1:7480)',
    )
    .option('--concurrency <N>', 'instances at once on each host (FLOTILLA_CONCURRENCY; default 4)')
    .addOption(
      new Option('--log-level <LEVEL>', 'log to standard error (FLOTILLA_LOG_LEVEL; default info)').choices([
        'error',
        'warn',
        'info',
        'debug',
        'trace',
      ]),
    )
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .action((options) => perform(async () => (await import('./watch.js')).watchCommand, {}, options));
}
