import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseComposeText } from '../../src/compose/compose-text.js';
import { sha256 } from '../../src/render/digest.js';
import type { RenderedFile } from '../../src/render/file-set.js';
import { decodeInspect, encodeInspect } from '../../src/wire/codec.js';
import { ROUTES } from '../../src/wire/messages.js';
import { compileMessage } from '../../src/wire/validate-message.js';

const isBody = compileMessage(ROUTES.inspect.body);

function fileOf(path: string, text: string): RenderedFile {
  const content = Buffer.from(text);
  const parsed = parseComposeText(text);
  const entry = { path, sha256: sha256(text), mode: 0o644, size: content.length, sensitive: false };
  return { ...entry, ownership: 'Managed', content, ...('document' in parsed && { document: parsed.document }) };
}

function sendAndTake(files: RenderedFile[]): readonly RenderedFile[] {
  const tenant = {
    slug: 'acme',
    project: 'acme',
    directory: 'acme',
    host: 'one',
    fleet: null,
    template: 'app',
    revision: 'r',
    imageTag: 'v1',
    registered: false,
    suspend: false,
    driftPolicy: 'Heal' as const,
    timeouts: { pullMs: 1, upMs: 1, verifyMs: 1, settleMs: 1 },
    digest: `sha256:${'0'.repeat(64)}`,
    files: files.map(({ content: _, document: __, ...entry }) => entry),
    released: [],
    compose: ['docker-compose.yml'],
    tenantCompose: [],
    onChange: [],
  };
  const body: unknown = JSON.parse(JSON.stringify(encodeInspect({ tenant, files, containers: false })));
  expect(isBody(body), JSON.stringify(isBody.errors)).toBe(true);
  return decodeInspect(body as Parameters<typeof decodeInspect>[0]).files;
}

describe('a preview on its way to a host', () => {
  it('brings every byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const content = Buffer.from(bytes);
        const file = { ...fileOf('data.bin', ''), content, size: content.length, sha256: sha256(content) };
        expect(sendAndTake([file])[0]?.content).toEqual(content);
      }),
    );
  });

  it('brings what a compose file was parsed to exactly as it is, or leaves it to the host', () => {
    const key = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('__proto__', 'constructor', 'services', '${A}'));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 20 },
        fc.oneof(fc.string({ maxLength: 12 }), fc.double(), fc.boolean(), fc.constant(null)),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 3 }),
      ),
    }));
    let brought = 0;
    fc.assert(
      fc.property(value, (document) => {
        const file = { ...fileOf('docker-compose.yml', 'x: '.padEnd(400, 'y')), document: [document] };
        const [taken] = sendAndTake([file]);
        if (taken?.document === undefined) return;
        brought += 1;
        expect(JSON.stringify(taken.document)).toBe(JSON.stringify(file.document));
        expect(taken.document).toEqual(JSON.parse(JSON.stringify(file.document)));
      }),
      { numRuns: 300 },
    );
    expect(brought).toBeGreaterThan(100);
  });

  it.each([
    ['not a number', 'a: .nan\n'],
    ['a name that parsers mind', 'a: { __proto__: { b: 1 } }\n'],
    ['aliases that unfold', `a: &a [1, 2, 3, 4, 5, 6, 7, 8]\n${'bcdefgh'.replace(/./g, '$&: [*a, *a, *a, *a]\n')}`],
    ['great depth', `a: ${'['.repeat(30)}${']'.repeat(30)}\n`],
  ])('leaves %s to the host', (_, text) => {
    expect(sendAndTake([fileOf('docker-compose.yml', text)])[0]).not.toHaveProperty('document');
  });

  it('sends it for compose files only', () => {
    const [compose, other] = sendAndTake([fileOf('docker-compose.yml', 'a: 1\n'), fileOf('other.yml', 'a: 1\n')]);
    expect(compose?.document).toEqual([{ a: 1 }]);
    expect(other).not.toHaveProperty('document');
  });
});
