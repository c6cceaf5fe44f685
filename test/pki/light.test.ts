import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, it } from 'vitest';

const PKI = resolve(import.meta.dirname, '../../src/pki');

/** Everything outside of the project that a file loads, by itself or through others. */
function packagesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(/^import (?!type )(?:[^'";]*?from )?'([^']+)'/gm);
  return [...imports].flatMap(([, specifier = '']) =>
    specifier.startsWith('.')
      ? packagesOf(resolve(dirname(file), specifier.replace(/\.js$/, '.ts')), seen)
      : [specifier],
  );
}

// The library that makes certificates takes longer to load than an agent or a controller to start.
it.each(['identity-store', 'identity', 'peer', 'revoked-serials', 'inventory'])('%s.ts loads no package', (name) => {
  expect(packagesOf(resolve(PKI, `${name}.ts`)).filter((one) => !one.startsWith('node:'))).toEqual([]);
});

it('but what makes certificates does', () => {
  expect(packagesOf(resolve(PKI, 'issue.ts'))).toContain('@peculiar/x509');
});
