import type { HostEvent } from '../../agent-client/tenant-driver.js';
import type { TenantHost } from '../tenant-host.js';
import type { ObservedInstances } from './observed-instances.js';
import { type Backoff, watchContainers } from './watch-containers.js';
import { createFileWatcher, type FileWatcher, type FileWatchOptions } from './watch-files.js';

export interface HostWatchOptions extends Pick<FileWatchOptions, 'maxDirectories' | 'retryMs'> {
  backoff?: Backoff;
  /** How long to wait for the engine's stream at most. */
  readyMs?: number;
}

/** The watches on files, at once; `ready` when the engine tells, too, or cannot be reached. It never rejects. */
export interface HostWatch {
  files: FileWatcher;
  ready: Promise<void>;
}

/** Watches the files and the containers of these instances until `signal` ends it. */
export function watchHost(
  { config, engine }: Pick<TenantHost, 'config' | 'engine'>,
  instances: Pick<ObservedInstances, 'all' | 'slugOf'>,
  { backoff, readyMs = 1_000, ...limits }: HostWatchOptions,
  { signal, tell }: { signal: AbortSignal; tell: (event: HostEvent) => void },
): HostWatch {
  const files = createFileWatcher(config.root, {
    ...limits,
    onChange: (slug, path) => tell({ type: 'file', slug, path }),
    onTrouble: () => tell({ type: 'resync' }),
  });
  signal.addEventListener('abort', files.close, { once: true });
  for (const instance of instances.all()) files.watch(instance);
  const ready = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, readyMs);
    const settle = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', settle, { once: true });
    void watchContainers(engine, {
      signal,
      ...(backoff && { backoff }),
      onConnect() {
        tell({ type: 'resync' });
        settle();
      },
      onLost: settle,
      onEvent({ project, service, action }) {
        const slug = instances.slugOf(project);
        if (slug !== undefined) tell({ type: 'container', slug, service, action });
      },
    });
  });
  return { files, ready };
}
