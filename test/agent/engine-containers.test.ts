import { expect, it } from 'vitest';
import { parseContainerList } from '../../src/agent/engine/engine-containers.js';

function entry(State: string, Status: string, labels: Record<string, string> = {}) {
  const all = { project: 'acme', service: 'web', 'container-number': '2', 'config-hash': 'abc', ...labels };
  const Labels = Object.fromEntries(Object.entries(all).map(([name, value]) => [`com.docker.compose.${name}`, value]));
  return { Id: 'c1', Image: 'app:v1', ImageID: 'sha256:1', State, Status, Labels };
}

it.each([
  ['running', 'Up 2 minutes', null, null],
  ['running', 'Up 2 minutes (healthy)', 'healthy', null],
  ['running', 'Up 1 second (health: starting)', 'starting', null],
  ['running', 'Up 5 hours (unhealthy)', 'unhealthy', null],
  ['paused', 'Up 5 hours (Paused)', null, null],
  ['exited', 'Exited (0) 3 seconds ago', null, 0],
  ['exited', 'Exited (137) About an hour ago', null, 137],
  ['restarting', 'Restarting (1) Less than a second ago', null, 1],
  ['created', 'Created', null, null],
  ['dead', 'Dead', null, null],
])('reads health and exit code of a container that is %s: %s', (state, status, health, exitCode) => {
  expect(parseContainerList([entry(state, status)])).toMatchObject([{ state, health, exitCode }]);
});

it('gives the service of each container, and what it was made from', () => {
  expect(parseContainerList([entry('running', 'Up 1 second', { 'project.working_dir': '/srv/t/acme' })])).toEqual([
    {
      id: 'c1',
      project: 'acme',
      service: 'web',
      workingDir: '/srv/t/acme',
      number: 2,
      configHash: 'abc',
      image: 'app:v1',
      imageId: 'sha256:1',
      state: 'running',
      health: null,
      exitCode: null,
    },
  ]);
});

it('leaves out one-off containers, and those that belong to no service', () => {
  const list = [entry('exited', 'Exited (0)', { oneoff: 'True' }), entry('running', 'Up', { service: '' })];
  expect(parseContainerList(list)).toEqual([]);
});

it.each([[{ message: 'page not found' }], [[{ Id: 'c1' }]], [['s3cret']], [null]])(
  'refuses an answer that is not a list of containers: %j',
  (body) => {
    expect(() => parseContainerList(body)).toThrow(
      expect.objectContaining({
        code: 'EngineUnreachable',
        message: 'the Docker Engine gave an answer that cannot be understood',
      }),
    );
  },
);
