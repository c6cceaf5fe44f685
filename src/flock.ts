import { spawn } from 'node:child_process';
import { FlotillaError } from './errors.js';

/** `flock -n` answers at once; more than this means that the machine is in trouble. */
const FLOCK_TIMEOUT_MS = 10_000;
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';

/**
 * Takes the kernel lock (flock(2)) of a file that is open, without waiting; gives whether it is ours now. It holds until the
 * last descriptor of this opening is closed, so at the latest when this process and all that inherited it have ended.
 *
 * Node cannot flock(2), but a child can on a descriptor that it inherits: the lock belongs to the open file, which stays ours.
 *
 * @param mode shared: for a look at whether somebody has it exclusively
 * @throws Internal when the flock command (util-linux) cannot be run
 */
export function flock(fd: number, mode: 'exclusive' | 'shared' = 'exclusive'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', [...(mode === 'shared' ? ['-s'] : []), '-n', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      env: { PATH: SEARCH_PATH },
      // In a process group of its own: a terminal's Ctrl-C is for us, who know what to do about it.
      detached: true,
      timeout: FLOCK_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    child.once('error', (cause) => {
      reject(new FlotillaError('Internal', 'cannot run the flock command', { cause, hint: 'install util-linux' }));
    });
    child.once('exit', (code) => {
      if (code === 0 || code === 1) resolve(code === 0);
      else reject(new FlotillaError('Internal', `the flock command failed (exit ${code ?? 'by a signal'})`));
    });
  });
}
