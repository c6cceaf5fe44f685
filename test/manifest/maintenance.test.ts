import { describe, expect, it, test } from 'vitest';
import { instance, load, show } from './support.js';

const HOUR_MS = 3_600_000;

async function maintenanceProblems(block: string): Promise<string[]> {
  const { problems } = await load({
    'acme.yaml': `${instance('acme').replace('spec: { ', `spec: { maintenance: ${block}, `)}`,
  });
  return problems.map((problem) => show(problem));
}

/** Only the sentence, without the place. */
async function messagesOf(block: string): Promise<string[]> {
  return (await maintenanceProblems(block)).map(
    (text) => text.split('\n')[0]?.replace(/^acme\.yaml:\d+:\d+: /, '') ?? '',
  );
}

function fleet(spec: string): string {
  return `apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: { name: beta }\nspec: { template: changemaker, imageTag: v1, ${spec} }\n`;
}

describe('maintenance windows', () => {
  it('are read with their durations, in UTC unless the manifest says otherwise', async () => {
    const block = `{ allow: [{ cron: "0 22 * * 1-5", duration: 4h }, { cron: "30 3 * * SUN", duration: 1h30m }], deny: [{ cron: "0 0 24 12 *", duration: 168h }] }`;
    const { problems, instances } = await load({
      'acme.yaml': instance('acme', `fleet: production, host: north, maintenance: ${block}`),
    });
    expect(problems).toEqual([]);
    expect(instances[0]?.maintenance).toEqual({
      timeZone: 'UTC',
      allow: [
        { cron: '0 22 * * 1-5', durationMs: 4 * HOUR_MS },
        { cron: '30 3 * * SUN', durationMs: 1.5 * HOUR_MS },
      ],
      deny: [{ cron: '0 0 24 12 *', durationMs: 168 * HOUR_MS }],
    });
  });

  it('are those of the fleet, unless the instance has a block of its own, however empty', async () => {
    const { problems, instances } = await load({
      'fleet.yaml': fleet('maintenance: { timeZone: Europe/Berlin, deny: [{ cron: "0 8 * * *", duration: 10h }] }'),
      'a.yaml': instance('a', 'fleet: beta, host: north'),
      'b.yaml': instance(
        'b',
        'fleet: beta, host: north, maintenance: { allow: [{ cron: "0 1 * * *", duration: 1h }] }',
      ),
      'c.yaml': instance('c', 'fleet: beta, host: north, maintenance: {}'),
      'd.yaml': instance('d'),
    });
    expect(problems).toEqual([]);
    expect(instances.map(({ maintenance }) => maintenance)).toEqual([
      { timeZone: 'Europe/Berlin', allow: [], deny: [{ cron: '0 8 * * *', durationMs: 10 * HOUR_MS }] },
      { timeZone: 'UTC', allow: [{ cron: '0 1 * * *', durationMs: HOUR_MS }], deny: [] },
      { timeZone: 'UTC', allow: [], deny: [] },
      null,
    ]);
  });

  it('point at the field of a cron expression that is wrong', async () => {
    expect(await maintenanceProblems('{ allow: [{ cron: "0 25 * * *", duration: 1h }] }')).toEqual([
      `acme.yaml:4:40: spec.maintenance.allow[0].cron: expected an hour of 0-23, found "25"
spec: { maintenance: { allow: [{ cron: "0 25 * * *", duration: 1h }] }, fleet: production, host: north }
                                       ^
(a field may be a list (1,15), a range (1-5), a step (*/2) or * for all)`,
    ]);
  });

  it.each([
    ['60 * * * *', 'a minute of 0-59', '60'],
    ['0 0 32 * *', 'a day of the month of 1-31 or L', '32'],
    ['0 0 * FOO *', 'a month of 1-12 or JAN-DEC', 'FOO'],
    ['0 0 * * 8', 'a day of the week of 0-7 or SUN-SAT', '8'],
    ['0 0 31 2 *', 'a day that comes', '0 0 31 2 *'],
  ])('do not begin at "%s"', async (cron, expected, found) => {
    expect(await messagesOf(`{ deny: [{ cron: "${cron}", duration: 1h }] }`)).toEqual([
      `spec.maintenance.deny[0].cron: expected ${expected}, found "${found}"`,
    ]);
  });

  it.each([['* * * *'], ['* * * * * *'], ['@daily'], ['? * * * *'], ['']])(
    'need five fields of what means the same at any time: not "%s"',
    async (cron) => {
      expect(await messagesOf(`{ allow: [{ cron: "${cron}", duration: 1h }] }`)).toEqual([
        `spec.maintenance.allow[0].cron: expected a cron expression of five fields in quotes: minute, hour, day of month, month, day of week, such as "0 22 * * 1-5", found "${cron}"`,
      ]);
    },
  );

  it.each([
    ['0s', 'expected a duration above 0, found "0s"'],
    ['169h', 'expected a duration of at most 168h, found "169h"'],
    ['2 days', 'expected a duration such as 2h, 90m or 1h30m, above 0 and at most 168h, found "2 days"'],
  ])('do not last %s', async (duration, message) => {
    expect(await messagesOf(`{ allow: [{ cron: "0 0 * * *", duration: ${duration} }] }`)).toEqual([
      `spec.maintenance.allow[0].duration: ${message}`,
    ]);
  });

  it.each([
    ['Europe/Berln', 'acme.yaml:4:34', '(did you mean Europe/Berlin?)'],
    ['Mars/Olympus_Mons', 'acme.yaml:4:34', undefined],
  ])('are in a time zone that exists: not %s', async (zone, place, hint) => {
    const [problem, ...others] = await maintenanceProblems(`{ timeZone: ${zone} }`);
    expect(others).toEqual([]);
    expect(problem?.split('\n')[0]).toBe(
      `${place}: spec.maintenance.timeZone: expected an IANA time zone such as Europe/Berlin, found "${zone}"`,
    );
    expect(problem?.split('\n')[3]).toBe(hint);
  });

  it('have every mistake told at once, and those of a fleet at the fleet', async () => {
    expect(await messagesOf('{ timeZone: X, allow: [{ cron: "a b c d e", duration: 0s }] }')).toHaveLength(3);
    const { problems, brokenSlugs } = await load({
      'fleet.yaml': fleet('maintenance: { timeZone: X }'),
      'a.yaml': instance('a', 'fleet: beta, host: north'),
    });
    expect(problems.map(({ file, message }) => `${file}: ${message}`)).toEqual([
      'fleet.yaml: fleet beta cannot be used until its own problems are mended; 1 instance needs it: a',
      'fleet.yaml: spec.maintenance.timeZone: expected an IANA time zone such as Europe/Berlin, found "X"',
    ]);
    expect(brokenSlugs).toEqual(['a']);
  });

  it('are 32 in a list at most', async () => {
    const windows = Array.from({ length: 33 }, () => '{ cron: "0 0 * * *", duration: 1h }').join(', ');
    expect(await messagesOf(`{ deny: [${windows}] }`)).toEqual([
      'spec.maintenance.deny: expected a list of at most 32 windows, found a list',
    ]);
  });
});

test.each([
  ['suspend', 'suspend: true', 'suspend: false', [true, false, false]],
  ['deletionPolicy', 'deletionPolicy: Down', 'deletionPolicy: Orphan', ['Down', 'Orphan', 'Orphan']],
] as const)('%s of the fleet holds unless the instance says otherwise', async (field, ofFleet, own, expected) => {
  const { problems, instances } = await load({
    'fleet.yaml': fleet(ofFleet),
    'a.yaml': instance('a', 'fleet: beta, host: north'),
    'b.yaml': instance('b', `fleet: beta, host: north, ${own}`),
    'c.yaml': instance('c'),
  });
  expect(problems).toEqual([]);
  expect(instances.map((each) => each[field])).toEqual(expected);
});

test('a deletion policy is one of two', async () => {
  const { problems } = await load({ 'a.yaml': instance('a', 'fleet: production, host: north, deletionPolicy: down') });
  expect(problems.map(({ message, hint }) => `${message} (${hint})`)).toEqual([
    'spec.deletionPolicy: expected Orphan or Down, found "down" (did you mean Down?)',
  ]);
});
