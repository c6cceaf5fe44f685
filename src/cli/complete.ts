import { type Complete, RootCommand } from '@bomb.sh/tab';
import type { Command as Declared, Option as DeclaredOption } from 'commander';
import { EXIT_DONE } from './exit-code.js';
import type { Io } from './io.js';
import { type Names, scanNames } from './scan-names.js';
import { CONDITION_TYPES } from './state/wait-target.js';

type Suggest = (names: Names) => readonly string[];

const SLUGS: Suggest = ({ instances }) => instances;
const KINDS = ['instances', 'hosts', 'fleets'];

/** What each positional of a command can be; the last one of a list goes on where the command takes several. */
const POSITIONALS: Record<string, readonly Suggest[]> = {
  reconcile: [SLUGS],
  diff: [SLUGS],
  render: [SLUGS],
  history: [SLUGS],
  events: [SLUGS],
  wait: [SLUGS],
  generations: [SLUGS],
  rollback: [SLUGS],
  'set-image': [SLUGS, ({ tags }) => tags],
  suspend: [SLUGS],
  resume: [SLUGS],
  get: [() => KINDS, ({ instances, hosts, fleets }) => [...instances, ...hosts, ...fleets]],
  schema: [() => ['Instance', 'Fleet', 'Host', 'Template', 'ReconcileReport', 'WatchConfig']],
  completion: [() => ['bash', 'zsh', 'fish']],
};

/** Values of options that take more than a list of choices. */
const OPTION_VALUES: Record<string, readonly string[]> = {
  for: CONDITION_TYPES.flatMap((type) => [type, `${type}=False`]),
};

/**
 * `flotilla complete -- WORD...`: what could stand for the last word, for the completion scripts. Names come from a quick
 * look at the manifests, not from loading them: a broken manifest must not make the key do nothing.
 */
export async function completeCommand(
  { words, program }: { words: string[]; program: Declared },
  { io }: { io: Io },
): Promise<number> {
  let names: Names | undefined;
  const known = () => (names ??= scanNames(manifestsOf(words, io.env)));
  const root = new RootCommand();
  addOptions(root, program.options);
  addCommands(root, program, '', known);
  root.parse([...words]);
  return EXIT_DONE;
}

/** A command below another is known by both names: `pki issue`. */
function addCommands(root: RootCommand, parent: Declared, path: string, known: () => Names): void {
  for (const declared of parent.commands as readonly Declared[]) {
    if (declared.name() === 'complete') continue;
    const name = `${path}${declared.name()}`;
    const command = root.command(name, declared.summary());
    addOptions(command, declared.options);
    const suggestions = POSITIONALS[name] ?? [];
    const variadic = declared.registeredArguments.some((argument) => argument.variadic);
    for (const [at, suggest] of suggestions.entries()) {
      const last = at === suggestions.length - 1;
      command.argument(String(at), (complete) => offer(suggest(known()), complete), variadic && last);
    }
    addCommands(root, declared, `${name} `, known);
  }
}

function addOptions(command: Pick<RootCommand, 'option'>, options: readonly DeclaredOption[]): void {
  for (const option of options) {
    const name = option.long?.slice(2) ?? '';
    const alias = option.short?.slice(1);
    if (!option.required) {
      if (alias === undefined) command.option(name, option.description);
      else command.option(name, option.description, alias);
      continue;
    }
    const choices = option.argChoices ?? OPTION_VALUES[name] ?? [];
    command.option(name, option.description, (complete) => offer(choices, complete), alias);
  }
}

function offer(words: readonly string[], complete: Complete): void {
  for (const word of words) complete(word, '');
}

function manifestsOf(words: readonly string[], env: NodeJS.ProcessEnv): string {
  const at = words.indexOf('--manifests');
  const given =
    at === -1 ? words.find((word) => word.startsWith('--manifests='))?.slice('--manifests='.length) : words[at + 1];
  const directory = given || env.FLOTILLA_MANIFESTS || './manifests';
  return directory.startsWith('~/') && env.HOME ? `${env.HOME}${directory.slice(1)}` : directory;
}
