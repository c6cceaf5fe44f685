import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { confinePath, STATE_DIRECTORY } from './confine.js';
import { errnoOf, toHostError } from './host-error.js';
import { hasEnded, ownProcessMark } from './process-mark.js';

const PREFIX = 'flotilla-shadow-';
/** Bases that this process has swept. */
const swept = new Set<string>();

export interface ShadowRequest {
  /** An existing directory to make it in, such as the system's temporary one. */
  base: string;
  writes: readonly { path: string; content: Buffer; mode: number }[];
  removes: readonly string[];
}

export interface Shadow {
  /** Absolute. Only for this user. */
  directory: string;
  dispose(): Promise<void>;
}

/** A directory that will be real in the shadow, because something in it differs. */
interface Layer {
  /** By name: a file to write, a layer of its own, or null for what is to be absent. */
  entries: Map<string, { content: Buffer; mode: number } | Layer | null>;
}

/**
 * Makes a throw-away directory that looks as the instance will after a commit: what is written is real, what is removed is
 * absent, and everything else is a symbolic link to the instance's own. Nothing is written in the instance.
 *
 * @throws PathEscapes, PlanInvalid, DiskFull, NotWritable
 */
export async function buildShadow(tenantDir: string, request: ShadowRequest): Promise<Shadow> {
  const root = planLayers(tenantDir, request);
  let directory: string | undefined;
  try {
    await sweepOnce(request.base);
    directory = await mkdtemp(join(request.base, `${PREFIX}${ownProcessMark()}-`));
    await buildLayer(root, directory, tenantDir);
  } catch (error) {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    throw toHostError(error, `prepare the new files of ${tenantDir} for compose in ${request.base}`);
  }
  const made = directory;
  return { directory, dispose: () => rm(made, { recursive: true, force: true }) };
}

/** Removes what processes that were killed could not: a shadow holds rendered files, secrets among them. */
async function sweepOnce(base: string): Promise<void> {
  if (swept.has(base)) return;
  swept.add(base);
  for (const name of await readdir(base)) {
    if (!name.startsWith(PREFIX) || !hasEnded(name.slice(PREFIX.length, name.lastIndexOf('-')))) continue;
    const stat = await lstat(join(base, name)).catch(() => null);
    if (stat?.uid !== process.getuid?.()) continue;
    // Another process may be at it, too.
    await rm(join(base, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function planLayers(tenantDir: string, { writes, removes }: ShadowRequest): Layer {
  const root: Layer = { entries: new Map([[STATE_DIRECTORY, null]]) };
  const checked = new Set<string>();
  const put = (path: string, entry: { content: Buffer; mode: number } | null) => {
    confinePath(tenantDir, path, checked);
    const names = path.split('/');
    const last = names.pop() as string;
    let layer = root;
    for (const name of names) layer = layerIn(layer, name, path);
    if (layer.entries.has(last)) throw inTheWay(path);
    layer.entries.set(last, entry);
  };
  for (const path of removes) put(path, null);
  for (const { path, content, mode } of writes) put(path, { content, mode });
  return root;
}

function layerIn({ entries }: Layer, name: string, path: string): Layer {
  const there = entries.get(name);
  if (there && 'entries' in there) return there;
  if (there) throw inTheWay(path);
  const layer: Layer = { entries: new Map() };
  entries.set(name, layer);
  return layer;
}

function inTheWay(path: string): FlotillaError {
  return new FlotillaError(
    'PlanInvalid',
    `${JSON.stringify(path)} is changed twice, or is both a file and a directory`,
  );
}

/** @param original the same directory of the instance, which may be absent */
async function buildLayer(layer: Layer, directory: string, original: string): Promise<void> {
  for (const name of await namesIn(original)) {
    if (!layer.entries.has(name)) await symlink(join(original, name), join(directory, name));
  }
  for (const [name, entry] of layer.entries) {
    const path = join(directory, name);
    if (entry === null) continue;
    if ('entries' in entry) {
      await mkdir(path, { mode: 0o700 });
      await buildLayer(entry, path, join(original, name));
    } else {
      await writeFile(path, entry.content, { mode: entry.mode, flag: 'wx' });
    }
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
