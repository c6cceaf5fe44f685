import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engine } from './engine.js';

/** A docker client that writes down what it is asked for, and holds still where it is told to. Otherwise the real one. */
export interface GatedDocker {
  env: { PATH: string; DOCKER_HOST: string };
  /** From now on each `docker compose VERB` stops before it does anything. */
  hold(verb: string): void;
  /** Resolves once one has stopped there. */
  held(verb: string): Promise<void>;
  letGo(verb: string): void;
  /** `VERB begins` and `VERB ends`, in order. */
  calls(): string[];
}

const CLIENT = `#!/bin/sh
state=$(dirname "$0")
verb=none
for word; do
  case "$word" in config | pull | up | restart | kill | version) verb=$word && break ;; esac
done
if [ -e "$state/hold-$verb" ]; then
  touch "$state/held-$verb"
  while [ -e "$state/hold-$verb" ]; do sleep 0.05; done
fi
echo "$verb begins" >>"$state/calls"
PATH=\${PATH#*:} docker "$@"
code=$?
echo "$verb ends" >>"$state/calls"
exit $code
`;

/** @param behind what it passes calls on to: by default the tests' engine */
export function createGatedDocker(directory: string, behind?: GatedDocker['env']): GatedDocker {
  const { PATH, DOCKER_HOST } = behind ?? { PATH: engine().path, DOCKER_HOST: engine().dockerHost };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'docker'), CLIENT);
  chmodSync(join(directory, 'docker'), 0o755);
  const at = (name: string) => join(directory, name);
  return {
    env: { PATH: `${directory}:${PATH}`, DOCKER_HOST },
    hold(verb) {
      rmSync(at(`held-${verb}`), { force: true });
      writeFileSync(at(`hold-${verb}`), '');
    },
    async held(verb) {
      while (!existsSync(at(`held-${verb}`))) await sleep(20);
    },
    letGo: (verb) => rmSync(at(`hold-${verb}`), { force: true }),
    calls: () => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : []),
  };
}
