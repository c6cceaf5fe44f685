import { formatProblem } from '../controller/format-problem.js';
import { FlotillaError, type Problem } from '../errors.js';
import { count } from '../plan/format-text.js';
import { checkTemplateUse, renderInstance } from '../render/render.js';
import { type Context, createContext, type SharedOptions } from './context.js';
import { EXIT_DONE, EXIT_ERROR } from './exit-code.js';
import { type LoadedFleet, loadFleet } from './fleet.js';
import { formatError } from './format-error.js';
import { listenForInterrupts } from './interrupt.js';
import type { Io } from './io.js';

interface Options extends SharedOptions {
  io: Io;
  render?: boolean;
  watch?: boolean;
  format: 'text' | 'json';
}

/** `flotilla validate`: everything that is wrong, at once. With --watch again after each save, until it is interrupted. */
export async function validateCommand(_args: object, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  return options.watch ? validateOnSave(context, options) : validate(context, options);
}

/** @throws FlotillaError where nothing can be read at first; later that may be mended by the next save */
async function validateOnSave(context: Context, options: Options): Promise<number> {
  const interrupt = listenForInterrupts({ active: () => [], say: () => undefined });
  const ending = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, ending.signal]);
  const saves = createLatch();
  interrupt.signal.addEventListener('abort', saves.open, { once: true });
  try {
    const { watchDirectories } = await import('../source/watch-directories.js');
    await watchDirectories([options.manifests, options.templates], { onSave: saves.open, signal });
    let code = await validate(context, options);
    for (await saves.passed(); !signal.aborted; await saves.passed()) {
      code = await validate(context, options).catch((error: unknown) => sayError(context, error));
    }
    return code;
  } finally {
    ending.abort();
    interrupt.dispose();
  }
}

async function sayError({ io, errPaint }: Context, error: unknown): Promise<number> {
  await io.err.write(formatError(error, errPaint));
  return EXIT_ERROR;
}

/** `passed` resolves once it was opened since the last time. */
function createLatch(): { open(): void; passed(): Promise<void> } {
  let open = () => {};
  const next = () => new Promise<void>((resolve) => (open = resolve));
  let opened = next();
  return {
    open: () => open(),
    passed: async () => {
      await opened;
      opened = next();
    },
  };
}

async function validate(context: Context, options: Options): Promise<number> {
  const fleet = await loadFleet(options);
  const problems: readonly Found[] = [
    ...fleet.desired.problems,
    ...groupRepeated(checkInstances(fleet, options.render ?? false)),
  ];
  const { instances, hosts } = fleet.desired;
  if (options.format === 'json') {
    const document = {
      apiVersion: 'flotilla.dev/v1',
      kind: 'ValidateReport',
      instances: instances.length,
      hosts: hosts.size,
      problems,
    };
    await context.io.out.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    const lines = problems.flatMap((problem) => [...formatProblem(problem, context.paint), ...formatSlugs(problem)]);
    const found = `${count(instances.length, 'instance')}, ${count(hosts.size, 'host')}, ${count(fleet.templates.names.length, 'template')}`;
    const verdict =
      problems.length === 0 ? context.paint.green('valid') : context.paint.red(count(problems.length, 'problem'));
    await context.io.out.write([...lines, `${found}: ${verdict}`, ''].join('\n'));
  }
  return problems.length === 0 ? EXIT_DONE : EXIT_ERROR;
}

/** Instances against their templates; with `render` down to the last byte. Those of a bad template are skipped. */
function* checkInstances({ desired, templates }: LoadedFleet, render: boolean): Generator<Problem> {
  for (const instance of desired.instances) {
    const template = templates.get(instance.template);
    if (!template) continue;
    if (!render) {
      yield* checkTemplateUse(template, instance);
      continue;
    }
    try {
      renderInstance(template, instance);
    } catch (error) {
      if (!(error instanceof FlotillaError)) throw error;
      yield* error.problems;
    }
  }
}

interface Found extends Problem {
  /** Every instance that it was found for, where it is not a problem of one manifest. */
  slugs?: readonly string[];
}

/** A fault of a template is found for each of its instances, and shown once. */
function groupRepeated(problems: Iterable<Problem>): Found[] {
  const groups = new Map<string, { problem: Problem; slugs: string[] }>();
  for (const problem of problems) {
    const { file, line, column, message, slug = '' } = problem;
    const key = `${file}\n${line}\n${column}\n${message}`;
    const group = groups.get(key);
    if (group) group.slugs.push(slug);
    else groups.set(key, { problem, slugs: [slug] });
  }
  return [...groups.values()].map(({ problem, slugs }) => ({ ...problem, slugs }));
}

/** How many instances a line names at most. */
const MOST_NAMES = 5;

function formatSlugs({ slugs = [] }: Found): string[] {
  if (slugs.length === 0) return [];
  const rest = slugs.length - MOST_NAMES;
  const shown = slugs.slice(0, MOST_NAMES).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  return [`  found for ${slugs.length === 1 ? 'instance' : 'instances'} ${shown}`];
}
