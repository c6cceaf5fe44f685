import { formatProblem } from '../controller/format-problem.js';
import { FlotillaError, type Problem } from '../errors.js';
import { count } from '../plan/format-text.js';
import { checkTemplateUse, renderInstance } from '../render/render.js';
import { createContext, type SharedOptions } from './context.js';
import { EXIT_DONE, EXIT_ERROR } from './exit-code.js';
import { type LoadedFleet, loadFleet } from './fleet.js';
import type { Io } from './io.js';

interface Options extends SharedOptions {
  io: Io;
  render?: boolean;
  format: 'text' | 'json';
}

/** `flotilla validate`: everything that is wrong, at once. */
export async function validateCommand(_args: object, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const fleet = await loadFleet(options);
  const problems = dropRepeated([...fleet.desired.problems, ...checkInstances(fleet, options.render ?? false)]);
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
    const lines = problems.flatMap((problem) => formatProblem(problem, context.paint));
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

/** A fault of a template is found for each of its instances, and shown once. */
function dropRepeated(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ file, line, column, message }) => {
    const key = `${file}\n${line}\n${column}\n${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
