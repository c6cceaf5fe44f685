import { describe, expect, it, vi } from 'vitest';
import { HELP } from '../../src/cli/help-texts.js';
import { run } from '../../src/cli/run.js';
import { memoryIo } from '../support/memory-io.js';

// The first use of a command loads its modules, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

async function flotilla(...argv: string[]) {
  const io = memoryIo();
  const code = await run(argv, io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

/** They read no desired state, and know no --manifests. */
const STANDALONE = ['agent', 'pki', 'schema', 'completion', 'history', 'events', 'wait', 'confirm'];

const commands = Object.keys(HELP).filter((name) => name !== 'flotilla');

describe('help', () => {
  it.each(commands)('%s --help shows its examples on standard output', async (name) => {
    const { code, stdout, stderr } = await flotilla(name, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: flotilla ${name}`);
    for (const example of HELP[name as 'render'].examples) expect(stdout).toContain(`\n  ${example}\n`);
  });

  it.each(commands)('every example of %s is a command line that parses', async (name) => {
    for (const example of HELP[name as 'render'].examples) {
      const line = /flotilla ((?:(?! {2}|[>)]).)+)/.exec(example)?.[1]?.trim().split(' ') ?? [];
      // Anything else would start a daemon.
      const only = line[0] === 'watch' ? ['--check-config'] : [];
      const { stderr } = await flotilla(...line, ...only, '--manifests', '/nonexistent', '--templates', '/nonexistent');
      expect(stderr).not.toMatch(/error: (unknown command|option|missing|too many|invalid)/);
      if (!STANDALONE.includes(name)) expect(stderr).not.toMatch(/unknown option/);
    }
  });

  it('lists every command, the exit codes and where to start', async () => {
    const { code, stdout } = await flotilla('--help');
    expect(code).toBe(0);
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(stdout).toContain('Exit codes:');
    expect(stdout).toContain('flotilla reconcile --dry-run');
    expect(stdout).not.toMatch(/^ {2}complete /m);
  });

  it('prints the version', async () => {
    expect(await flotilla('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe('usage errors end in 1, never in 2, and say what was meant', () => {
  it.each([
    [['recncile'], 'Did you mean reconcile?'],
    [['reconcile', '--dryrun'], 'Did you mean --dry-run?'],
    [['render'], "missing required argument 'SLUG'"],
    [['render', 'a', 'b'], 'too many arguments'],
    [['reconcile', '-o', 'xml'], 'Allowed choices are text, json, yaml, markdown'],
    [['reconcile', '--concurrency', '0'], 'a whole number above 0'],
    [['reconcile', '--concurrency', 'many'], 'a whole number above 0'],
    [['schema', 'Instnce'], 'did you mean "Instance"?'],
    [['completion', 'tcsh'], 'shells are bash, zsh, fish'],
    [['get', 'hsots', '--manifests', '/nonexistent'], 'did you mean "hosts"?'],
    [
      ['validate', '--manifests', '/nonexistent', '--templates', '/nonexistent'],
      'cannot read the directory /nonexistent',
    ],
    [[], 'Usage: flotilla'],
  ])('%j', async (argv, message) => {
    const { code, stdout, stderr } = await flotilla(...argv);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});

describe('schema', () => {
  it.each([[[]], [['Instance']], [['fleet']], [['ReconcileReport']]])('%j prints a JSON Schema', async (argv) => {
    const { code, stdout } = await flotilla('schema', ...argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  });
});
