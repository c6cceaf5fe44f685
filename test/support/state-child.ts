import { openStateDirectory } from '../../src/state/state-directory.js';

/** Holds the state directory of its argument until it is killed, and says so. */
await openStateDirectory(process.argv[2] as string);
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
