import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Which rooms a room may import from; `errors` and `log` are files beside the rooms. `type` marks imports of types only. */
const ARROWS: Record<string, readonly string[]> = {
  errors: [],
  log: ['errors'],
  flock: ['errors'],
  'process-group': [],
  'client-fault': [],
  compose: [],
  manifest: ['errors'],
  render: ['errors', 'compose', 'manifest'],
  plan: ['errors', 'manifest', 'render', 'compose'],
  pki: ['errors'],
  wire: ['errors', 'manifest', 'render', 'plan', 'type agent-client'],
  agent: [
    ...['errors', 'type log', 'flock', 'process-group', 'client-fault'],
    ...['manifest', 'render', 'compose', 'plan', 'pki', 'wire', 'type agent-client'],
  ],
  'agent-client': ['errors', 'manifest', 'render', 'compose', 'plan', 'pki', 'wire', 'agent'],
  config: ['errors', 'type log', 'manifest'],
  source: ['errors', 'type log', 'process-group', 'config', 'manifest', 'render'],
  history: ['errors', 'type log', 'type manifest'],
  state: ['errors', 'flock'],
  notify: ['errors', 'type log', 'type config', 'manifest'],
  controller: [
    ...['errors', 'type log', 'manifest', 'render', 'compose', 'plan'],
    ...['type agent-client', 'type source', 'type history', 'type notify'],
  ],
  api: ['errors', 'type log', 'client-fault', 'type config', 'type controller'],
  cli: [
    ...['errors', 'log', 'manifest', 'render', 'compose', 'plan', 'pki', 'wire', 'agent', 'agent-client', 'controller'],
    ...['config', 'source', 'history', 'state', 'notify', 'api'],
  ],
};

/** Rooms that must not touch the world, but for the files named. */
const PURE: Record<string, readonly string[]> = {
  compose: [],
  plan: [],
  manifest: ['load.ts', 'edit-file.ts', 'read-manifests.ts', 'walk-directory.ts'],
  render: ['load-templates.ts', 'load-template.ts', 'read-template.ts'],
};
const WORLD = /^(node:(?!crypto$|path$|buffer$)|execa$|undici$|pino$|chokidar$|commander$|p-queue$)/;

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

function importsOf(file: string): { specifier: string; typeOnly: boolean }[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const statics = [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)];
  const dynamics = [...text.matchAll(/\bimport\('([^']+)'\)/g)];
  return [
    ...statics.map((match) => ({
      specifier: match[2] as string,
      typeOnly: match[1] !== undefined || onlyTypes(match[0]),
    })),
    ...dynamics.map((match) => ({ specifier: match[1] as string, typeOnly: false })),
  ];
}

/** `import { type A, type B } from` */
function onlyTypes(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1];
  const parts =
    names
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean) ?? [];
  return parts.length > 0 && parts.every((name) => name.startsWith('type '));
}

const FILES = sourceFiles(SRC);
const IMPORTS: Import[] = FILES.flatMap((file) =>
  importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, typeOnly }) => ({
      from: file,
      to: relative(SRC, resolve(SRC, dirname(file), specifier)).replace(/\.js$/, '.ts'),
      typeOnly,
    })),
);

const roomOf = (file: string): string =>
  file.includes('/') ? (file.split('/')[0] as string) : file.replace(/\.ts$/, '');

describe('the house', () => {
  it('has only the rooms that it is meant to have', () => {
    expect([...new Set(FILES.map(roomOf))].filter((room) => !(room in ARROWS))).toEqual([]);
  });

  it('has arrows that run one way', () => {
    const broken = IMPORTS.filter(({ from, to, typeOnly }) => {
      const [here, there] = [roomOf(from), roomOf(to)];
      const allowed = ARROWS[here] ?? [];
      return here !== there && !allowed.includes(there) && !(typeOnly && allowed.includes(`type ${there}`));
    });
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('has no cycle among its files', () => {
    const edges = new Map(
      FILES.map((file) => [file, IMPORTS.filter((one) => one.from === file && !one.typeOnly).map((one) => one.to)]),
    );
    expect(findCycle(edges)).toBeNull();
  });

  it('keeps its pure rooms pure', () => {
    const impure = FILES.filter(
      (file) => roomOf(file) in PURE && !PURE[roomOf(file)]?.includes(file.slice(file.indexOf('/') + 1)),
    ).flatMap((file) => {
      const world = importsOf(file)
        .filter(({ specifier }) => WORLD.test(specifier))
        .map(({ specifier }) => `${file} imports ${specifier}`);
      const ambient = /\bprocess\.(?!stdout\b)\w+|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/.exec(code(file));
      return ambient ? [...world, `${file} uses ${ambient[0]}`] : world;
    });
    expect(impure).toEqual([]);
  });

  it('prints and sets exit codes in the command line only', () => {
    const outspoken = FILES.filter(
      (file) => roomOf(file) !== 'cli' && /\bconsole\.|process\.(exit|exitCode|stdout|stderr)\b/.test(code(file)),
    );
    expect(outspoken).toEqual([]);
  });

  it('has no barrels and no rooms named for nothing', () => {
    expect(FILES.filter((file) => /(^|\/)(index\.ts$|utils|helpers|managers|services)/.test(file))).toEqual([]);
  });
});

function code(file: string): string {
  return readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return null;
}
