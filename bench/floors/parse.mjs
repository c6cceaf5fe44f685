// The least that validating manifests can cost: each read and parsed. `node parse.mjs DIRECTORY`
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const [directory] = process.argv.slice(2);
let parsed = 0;
for (const path of readdirSync(directory, { recursive: true })) {
  if (!statSync(join(directory, path)).isFile()) continue;
  parse(readFileSync(join(directory, path), 'utf8'));
  parsed++;
}
console.log(`${parsed} manifests`);
