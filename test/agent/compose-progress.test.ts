import { expect, it } from 'vitest';
import { createProgressReader } from '../../src/agent/compose/compose-progress.js';

function read(text: string) {
  const reader = createProgressReader('acme', new Set(['web', 'db-1']));
  return text.split('\n').map(reader);
}

it('reports what happens to each service, and nothing of any other text', () => {
  const events = read(` Network acme_default  Creating
 web Pulling 
 web Error manifest for s3cret not found
 Container acme-db-1-1  Recreate
 Container acme-web-2  Started
 Container s3cret  Started
 s3cret Pulled 
Error response from daemon: s3cret`);
  expect(events.filter((event) => event !== null)).toEqual([
    { kind: 'service', service: 'web', status: 'pulling' },
    { kind: 'service', service: 'web', status: 'pull failed' },
    { kind: 'service', service: 'db-1', status: 'recreating' },
    { kind: 'service', service: 'web', status: 'started' },
  ]);
});

it('counts the layers of a pull, each once', () => {
  const events = read(` 0d52e947dd75 Already exists 
 4a19adc870c7 Pulling fs layer 
 4a19adc870c7 Downloading [>     ]  36.45kB/3.002MB
 4a19adc870c7 Pull complete 
 4a19adc870c7 Pull complete `);
  expect(events.at(0)).toEqual({ kind: 'layers', done: 1, total: 1 });
  expect(events.at(1)).toEqual({ kind: 'layers', done: 1, total: 2 });
  expect(events.at(2)).toBeNull();
  expect(events.at(4)).toEqual({ kind: 'layers', done: 2, total: 2 });
});
