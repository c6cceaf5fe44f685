import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRecord, toAppliedView, writeRecord } from '../../src/agent/state/applied-record.js';
import { recordOf, temporaryDirectory, writeTree } from './support/tenant-tree.js';

test('reads back what was written, readable by its owner only', async () => {
  const tenant = temporaryDirectory();
  expect(readRecord(tenant)).toBeNull();
  for (const generation of [1, 2]) {
    const record = recordOf(generation, { 'docker-compose.yml': `services: {} # ${generation}` });
    await writeRecord(tenant, record);
    expect(readRecord(tenant)).toEqual(record);
  }
  expect(statSync(join(tenant, '.flotilla/applied.json')).mode & 0o777).toBe(0o600);
});

test('reads a record of before one-shots were noted', () => {
  const tenant = temporaryDirectory();
  const text = edited((record) => {
    for (const service of record.services as { oneShot?: boolean }[]) delete service.oneShot;
  });
  writeTree(tenant, { '.flotilla/applied.json': text });
  expect(readRecord(tenant)).toEqual({ ...JSON.parse(text), format: undefined });
});

test('the view for the controller has no image ids, no hashes of configuration', () => {
  const view = toAppliedView(recordOf(3));
  expect(Object.keys(view).sort()).toEqual([
    'appliedAt',
    'digest',
    'files',
    'generation',
    'hold',
    'imageTag',
    'lastFailure',
    'outcome',
    'project',
    'revision',
    'template',
    'unfinished',
  ]);
  expect(view).toMatchObject({ generation: 3, project: 'acme', imageTag: 'v1.3.0' });
});

test.each([
  ['no JSON', '{"generation": 1', 'it is not JSON'],
  ['an empty file', '', 'it is not JSON'],
  ['another document', '[]', 'its field (all of it) is missing or wrong'],
  ['a missing field', edited((record) => delete record.imageTag), 'its field imageTag is missing or wrong'],
  [
    'a field of another type',
    edited((record) => Object.assign(record, { generation: 'two' })),
    'its field generation is missing or wrong',
  ],
  [
    'a bad hash',
    edited((record) => Object.assign(record, { files: [{ path: 'a', sha256: 'x', mode: 1, createOnly: false }] })),
    'its field files.0.sha256 is missing or wrong',
  ],
  [
    'a bad service',
    edited((record) => Object.assign(record, { services: [{ name: 'api' }] })),
    'its field services.0.count is missing or wrong',
  ],
])('refuses %s and says what to do', (_, text, why) => {
  const tenant = temporaryDirectory();
  const path = join(tenant, '.flotilla/applied.json');
  writeTree(tenant, { '.flotilla/applied.json': text });
  expect(() => readRecord(tenant)).toThrow(
    expect.objectContaining({
      code: 'RecordUnreadable',
      terminal: false,
      message: `cannot read the applied record ${path}: ${why}`,
      hint: expect.stringContaining(`mv ${path} ${path}.bad`),
    }),
  );
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('of a later format it says who can read it', () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, { '.flotilla/applied.json': edited((record) => Object.assign(record, { format: 2 })) });
  expect(() => readRecord(tenant)).toThrow(
    expect.objectContaining({
      code: 'RecordUnreadable',
      message: expect.stringContaining(': a newer version of Flotilla wrote it'),
      hint: 'upgrade this Flotilla to the version that wrote it, or a later one',
    }),
  );
});

test('a record that is a link or a directory is not read', () => {
  const tenant = temporaryDirectory();
  mkdirSync(join(tenant, '.flotilla'));
  symlinkSync('/etc/passwd', join(tenant, '.flotilla/applied.json'));
  expect(() => readRecord(tenant)).toThrow(expect.objectContaining({ code: 'RecordUnreadable' }));
  const other = temporaryDirectory();
  mkdirSync(join(other, '.flotilla/applied.json'), { recursive: true });
  expect(() => readRecord(other)).toThrow(expect.objectContaining({ code: 'RecordUnreadable' }));
  const linked = temporaryDirectory();
  symlinkSync('/etc', join(linked, '.flotilla'));
  expect(() => readRecord(linked)).toThrow(expect.objectContaining({ code: 'PathEscapes' }));
});

test('what a crash left of a write before is no obstacle', async () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, { '.flotilla/applied.json.tmp': 'half' });
  await writeRecord(tenant, recordOf(1));
  expect(readRecord(tenant)?.generation).toBe(1);
});

test('an instance directory that is gone is an error of the write', async () => {
  writeFileSync(join(temporaryDirectory(), 'x'), '');
  await expect(writeRecord('/nowhere/at/all', recordOf(1))).rejects.toMatchObject({ code: 'Internal' });
});

function edited(change: (record: Record<string, unknown>) => unknown): string {
  const record = { format: 1, ...recordOf(1) } as Record<string, unknown>;
  change(record);
  return JSON.stringify(record);
}
