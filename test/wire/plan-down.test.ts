import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { planDown } from '../../src/plan/plan-down.js';
import { decodeApply, encodeApply, encodeInspect } from '../../src/wire/codec.js';
import { type ApplyBody, ROUTES } from '../../src/wire/messages.js';
import { compileMessage } from '../../src/wire/validate-message.js';
import { appliedView, desiredTenant, observedTenant, running } from '../support/plan-fixtures.js';

const isApply = compileMessage<ApplyBody>(ROUTES.apply.body);
const removed = {
  slug: 'acme',
  project: 'acme',
  directory: 'acme',
  host: 'edmonton-1',
  timeouts: { pullMs: 1, upMs: 2, verifyMs: 3, settleMs: 4 },
  revision: 'r3',
};
const digest = `sha256:${'0'.repeat(64)}`;

function bodyOf(over: object = {}, applied = true): unknown {
  const record = applied ? appliedView({}, { digest }) : null;
  const plan = planDown(removed, observedTenant({}, { applied: record, services: [running('api')] }));
  const body = encodeApply(randomUUID(), { plan: { ...plan, ...over }, content: { files: [] }, reconcileId: 'r' });
  return JSON.parse(JSON.stringify(body));
}

describe('a plan that takes an instance down, on its way to a host', () => {
  it.each([
    ['of what was applied', true],
    ['of what never was', false],
  ])('is taken: %s', (_, applied) => {
    const body = bodyOf({}, applied);
    if (!isApply(body)) throw new Error(JSON.stringify(isApply.errors));
    expect(decodeApply(body, 'r')).toMatchObject({
      plan: { operations: [{ kind: 'down', services: ['api'], cause: 'its manifest was removed' }], fileSet: [] },
      content: { files: [] },
    });
  });

  const down = { kind: 'down', services: ['api'], cause: 'x' };
  it.each([
    ['with another operation besides', { operations: [down, { kind: 'record', cause: 'x' }] }],
    ['with compose files', { compose: ['docker-compose.yml'] }],
    ['that brings up something nobody rendered', { operations: [{ kind: 'record', cause: 'x' }] }],
    ['without operations', { operations: [] }],
  ])('is refused %s', (_, over) => {
    expect(isApply(bodyOf(over))).toBe(false);
  });
});

it('maintenance windows stay with the controller', () => {
  const maintenance = { timeZone: 'UTC', allow: [], deny: [] };
  const { tenant } = encodeInspect({ tenant: desiredTenant({ maintenance }), files: [], containers: false });
  expect(tenant).not.toHaveProperty('maintenance');
  expect(tenant).toHaveProperty('driftPolicy');
});
