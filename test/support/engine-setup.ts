import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { IMAGE_TAGS } from './engine.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../scripts/engine.sh', import.meta.url));

/**
 * Vitest global setup of the `engine` project: the built command line (dist/), a Docker Engine, a registry and the test images, in place before the first
 * test and left running after the last. Workers inherit the environment that it sets. Throws when there is no engine to
 * be had: such tests are never skipped.
 */
export default async function setup(): Promise<void> {
  await execa('npm', ['run', 'build'], { cwd: PROJECT, stdout: 'ignore', stderr: 'inherit' });
  await execa(SCRIPT, ['up'], { stdout: 'ignore', stderr: 'inherit' });
  await execa(SCRIPT, ['images', ...IMAGE_TAGS], { stdout: 'ignore', stderr: 'inherit' });
  const { stdout } = await execa('bash', ['-c', `eval "$("$0" env)" && env -0`, SCRIPT]);
  for (const entry of stdout.split('\0')) {
    const [name = '', value] = splitOnce(entry, '=');
    if (['DOCKER_HOST', 'FLOTILLA_TEST_REGISTRY', 'PATH'].includes(name)) process.env[name] = value;
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
