import { createHistoryWriter } from '../../src/history/history-writer.js';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { decisionOf, statusOf, upgradeOf } from './history-fixtures.js';

/** Writes upgrades until it is killed, and prints the id of each once it has been acknowledged. `argv`: the file, a name for this run. */
const [file, run] = process.argv.slice(2) as [string, string];
const nothing = (): void => undefined;
const store = await openSqliteStore(file);
const writer = createHistoryWriter({
  store,
  log: { info: nothing, error: nothing } as never,
  onFailed: nothing,
  onWaiting: nothing,
});
const author = async (worker: number): Promise<void> => {
  for (let index = 0; ; index += 1) {
    const id = `${run}-${worker}-${index}`;
    writer.recordStatus(statusOf(`tenant-${worker}`, { failures: index }));
    writer.recordDecision(decisionOf({ message: id }));
    const upgrade = upgradeOf({ id, slug: `tenant-${worker}`, log: ['x'.repeat(2000)] });
    if (await writer.recordUpgrade(upgrade)) process.stdout.write(`${id}\n`);
  }
};
await Promise.all([0, 1, 2, 3].map(author));
