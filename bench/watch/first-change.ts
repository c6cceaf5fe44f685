import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { nowMs } from './monotonic.js';

const DIRECTORIES = ['', 'config', 'nginx'];
const PATIENCE_MS = 60_000;
const MANAGED = new Set(['docker-compose.yml', 'app.yml', 'nginx.conf']);

/** When a managed file of an instance next changes. Watching has begun when it returns. */
export function firstChange(tenantDir: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const watches: FSWatcher[] = [];
    const timer = setTimeout(() => end(() => reject(new Error(`nothing changed in ${tenantDir}`))), PATIENCE_MS);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      for (const each of watches) each.close();
      settle();
    };
    for (const directory of DIRECTORIES) {
      const onEntry = (_: string, name: string | null) => {
        const at = nowMs();
        if (name !== null && MANAGED.has(name)) end(() => resolve(at));
      };
      watches.push(watch(join(tenantDir, directory), onEntry));
    }
  });
}
