import { describe, expect, it } from 'vitest';
import { describeFleets, describeHosts, describeInstances, type ListingInput } from '../../../src/cli/get/live-rows.js';
import { formatAge, formatTable } from '../../../src/cli/table.js';
import type { DesiredHost } from '../../../src/manifest/desired-state.js';
import type { AppliedView } from '../../../src/plan/observed.js';
import { emptyPlan, item, upgradePlan } from '../../support/report-fixtures.js';

const now = new Date('2026-01-10T00:00:00Z');
const record = (overrides: Partial<AppliedView>): AppliedView => ({
  generation: 3,
  project: 'acme',
  revision: 'f00d',
  imageTag: 'v2.4.0',
  digest: 'sha256:1',
  template: 'changemaker',
  files: [],
  outcome: 'verified',
  unfinished: null,
  appliedAt: '2026-01-07T00:00:00Z',
  lastFailure: null,
  hold: null,
  ...overrides,
});
const unreachable = { code: 'HostUnreachable', message: 'no answer', hint: null, phase: null, problems: [] } as const;
const hosts = new Map<string, DesiredHost>([
  ['edmonton-1', { name: 'edmonton-1', kind: 'local', root: '/srv/tenants' }],
  ['calgary-1', { name: 'calgary-1', kind: 'agent', url: 'https://calgary-1:7443' }],
  ['spare', { name: 'spare', kind: 'local', root: '/srv/spare' }],
]);
const input: ListingInput = {
  now,
  desired: { revision: 'f00d', instances: [], hosts, problems: [], brokenSlugs: [], unreadable: [] },
  applied: new Map([
    ['acme', record({})],
    ['beta', record({ imageTag: 'v2.4.1', appliedAt: '2026-01-09T23:59:00Z' })],
    ['coop', record({})],
  ]),
  failures: new Map([
    ['acme', { at: '', code: 'PullFailed', phase: 'pull', message: 'of the tag before', imageTag: 'v2.4.0' }],
    ['coop', { at: '', code: 'UpFailed', phase: 'up', message: 'api exited with code 1', imageTag: 'v2.4.1' }],
    ['gnu', { at: '', code: 'NotWritable', phase: '', message: 'no access', imageTag: 'v2.4.1' }],
  ]),
  items: [
    item('acme', { result: 'changed', plan: upgradePlan() }),
    item('beta'),
    item('coop', { result: 'changed', plan: upgradePlan() }),
    item('delta', { host: 'calgary-1', fleet: null, result: 'failed', plan: null, error: unreachable }),
    item('echo', { result: 'changed', plan: upgradePlan({ fromImageTag: null }) }),
    item('gnu', { result: 'changed', plan: upgradePlan({ fromImageTag: null }) }),
    item('fox', {
      result: 'waiting',
      plan: emptyPlan({ gate: { reason: 'Suspended', message: 'suspended in its manifest', blocked: false } }),
    }),
  ],
};

function wide({ head, wideHead, rows }: ReturnType<typeof describeInstances>): string {
  return formatTable(
    [...head, ...wideHead],
    rows.map((row) => [...row.cells, ...row.wideCells]),
  );
}

describe('what get lists', () => {
  it('instances', () => {
    expect(wide(describeInstances(input))).toBe(`\
SLUG   HOST        FLEET       DESIRED  APPLIED  STATUS           AGE  PROJECT  TEMPLATE  GENERATION  MESSAGE
acme   edmonton-1  production  v2.4.1   v2.4.0   Update           3d   -        -         3           update v2.4.0 -> v2.4.1
beta   edmonton-1  production  v2.4.1   v2.4.1   InSync           60s  -        -         3
coop   edmonton-1  production  v2.4.1   v2.4.0   UpFailed         3d   -        -         3           applying v2.4.1 failed during up: api exited with code 1
delta  calgary-1   -           v2.4.1   -        HostUnreachable  -    -        -         -           no answer
echo   edmonton-1  production  v2.4.1   -        New              -    -        -         -           update v2.4.0 -> v2.4.1
gnu    edmonton-1  production  v2.4.1   -        NotWritable      -    -        -         -           applying v2.4.1 failed: no access
fox    edmonton-1  production  v2.4.1   -        Suspended        -    -        -         -           suspended in its manifest
`);
  });

  it('hosts', () => {
    expect(wide(describeHosts(input))).toBe(`\
NAME        KIND   ADDRESS                 INSTANCES  INSYNC  STATUS           MESSAGE
calgary-1   agent  https://calgary-1:7443  1          0       HostUnreachable  no answer
edmonton-1  local  /srv/tenants            6          1       Ready
spare       local  /srv/spare              0          0       Unused
`);
  });

  it('fleets', () => {
    expect(wide(describeFleets(input))).toBe(`\
NAME        INSTANCES  INSYNC  PENDING  WAITING  FAILED  TAGS
production  6          1       4        1        0       v2.4.1
`);
  });
});

it.each([
  [null, '-'],
  ['2026-01-09T23:59:30Z', '30s'],
  ['2026-01-09T23:30:00Z', '30m'],
  ['2026-01-09T12:00:00Z', '12h'],
  ['2026-01-01T00:00:00Z', '9d'],
  ['2027-01-01T00:00:00Z', '0s'],
])('the age of %s is %s', (iso, age) => {
  expect(formatAge(iso, now)).toBe(age);
});
