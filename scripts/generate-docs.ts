/**
 * Writes the generated parts of docs/: what stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. The rest
 * of each page is written by hand. test/docs.test.ts fails when a page is out of date.
 *
 *   npx tsx scripts/generate-docs.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { KIND_SCHEMAS } from '../src/manifest/schema.js';
import { commandReference } from './docs/command-reference.js';
import { errorTable } from './docs/error-table.js';
import { fieldTable } from './docs/field-table.js';

const ROOT = new URL('../', import.meta.url);

/** The pages with generated parts, and how each part is made. */
const PAGES: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/manifests.md': {
    Instance: () => fieldTable(KIND_SCHEMAS.Instance),
    Fleet: () => fieldTable(KIND_SCHEMAS.Fleet),
    Host: () => fieldTable(KIND_SCHEMAS.Host),
  },
  'docs/templates.md': { Template: () => fieldTable(KIND_SCHEMAS.Template) },
  'docs/cli.md': { commands: commandReference },
  'docs/plan.md': { errors: errorTable },
};

export interface Page {
  path: string;
  committed: string;
  generated: string;
}

/** Every page with generated parts, as it is and as it should be. @throws Error when a page lacks the marks of a part */
export function generatePages(): Page[] {
  return Object.entries(PAGES).map(([path, parts]) => {
    const committed = readFileSync(new URL(path, ROOT), 'utf8');
    const generated = Object.entries(parts).reduce(
      (text, [name, make]) => replacePart(path, text, name, make()),
      committed,
    );
    return { path, committed, generated };
  });
}

function replacePart(path: string, text: string, name: string, content: string): string {
  const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`${path} has no ${start} ... ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${content}\n${text.slice(to)}`;
}

if (process.argv[1] === import.meta.filename) {
  for (const { path, committed, generated } of generatePages()) {
    if (committed === generated) continue;
    writeFileSync(new URL(path, ROOT), generated);
    process.stdout.write(`${path}\n`);
  }
}
