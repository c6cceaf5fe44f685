import { expect, test } from 'vitest';
import { createObservedInstances, type ObservedInstance } from '../../src/agent/events/observed-instances.js';
import type { ObserveRequest } from '../../src/agent-client/tenant-driver.js';
import type { ObservedTenant } from '../../src/plan/observed.js';

function noting(maxInstances?: number) {
  const told: string[] = [];
  const instances = createObservedInstances({
    onChange: ({ slug, directory, paths }: ObservedInstance) => told.push(`${slug} in ${directory}: ${[...paths]}`),
    onForget: (slug) => told.push(`${slug} forgotten`),
    ...(maxInstances !== undefined && { maxInstances }),
  });
  return { instances, told };
}

const request = (slug: string, ...paths: string[]): ObserveRequest => ({ slug, project: slug, directory: slug, paths });

const observed = (slug: string, paths: string[], error: ObservedTenant['error'] = null) =>
  ({ slug, files: paths.map((path) => ({ path, sha256: null, mode: null })), error }) as unknown as ObservedTenant;

test('an instance is watched before it is looked at, and its recorded paths after that', () => {
  const { instances, told } = noting();
  const requests = [request('acme', 'a')];
  instances.expect(requests);
  instances.note(requests, [observed('acme', ['a', 'old'])]);
  expect(told.splice(0)).toEqual(['acme in acme: a', 'acme in acme: a,old']);
  for (let sweep = 0; sweep < 3; sweep += 1) {
    instances.expect(requests);
    instances.note(requests, [observed('acme', ['a', 'old'])]);
  }
  expect(told).toEqual([]);
  instances.note(requests, [observed('acme', ['a'])]);
  expect(told.splice(0)).toEqual(['acme in acme: a']);
  instances.expect([{ ...request('acme', 'a'), directory: 'elsewhere' }]);
  expect(told).toEqual(['acme in elsewhere: a']);
});

test('one that cannot be observed stays as it was, and one whose directory leads out is not noted', () => {
  const { instances, told } = noting();
  instances.note([request('acme', 'a')], [observed('acme', ['a', 'b'])]);
  instances.note([request('acme', 'a')], [observed('acme', [], { code: 'PathEscapes', message: '' })]);
  instances.expect([{ ...request('bad', 'a'), directory: '../bad' }]);
  expect(told).toEqual(['acme in acme: a,b']);
});

test('projects are told apart as they are now', () => {
  const { instances } = noting();
  instances.expect([request('acme', 'a'), { ...request('zen', 'a'), project: 'legacy' }]);
  expect([instances.slugOf('acme'), instances.slugOf('legacy'), instances.slugOf('zen')]).toEqual([
    'acme',
    'zen',
    undefined,
  ]);
  instances.expect([request('zen', 'a')]);
  expect([instances.slugOf('legacy'), instances.slugOf('zen')]).toEqual([undefined, 'zen']);
});

test('there is a bound: the one noted first is forgotten', () => {
  const { instances, told } = noting(2);
  instances.expect(['a', 'b', 'c'].map((slug) => request(slug, 'f')));
  expect(told).toContain('a forgotten');
  expect([...instances.all()].map(({ slug }) => slug)).toEqual(['b', 'c']);
  expect(instances.slugOf('a')).toBeUndefined();
});
