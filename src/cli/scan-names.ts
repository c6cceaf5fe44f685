import { readdirSync, readFileSync } from 'node:fs';

export interface Names {
  /** Each sorted. */
  instances: readonly string[];
  hosts: readonly string[];
  fleets: readonly string[];
  tags: readonly string[];
}

/**
 * Names that manifests seem to hold, found by looking for the usual lines instead of parsing: quick, and good enough to
 * complete a word. What cannot be read gives no names.
 */
export function scanNames(directory: string): Names {
  const found = { Instance: new Set<string>(), Host: new Set<string>(), Fleet: new Set<string>() };
  const tags = new Set<string>();
  for (const text of readManifests(directory)) {
    for (const document of text.split(/^---/m)) {
      const kind = /["']?kind["']?:\s*["']?(Instance|Host|Fleet)\b/.exec(document)?.[1] as
        | keyof typeof found
        | undefined;
      const metadata = /["']?metadata["']?:([\s\S]*?)(?:["']?\bspec["']?:|$)/.exec(document)?.[1] ?? '';
      const name = /(?:^|[\s{,])["']?name["']?:\s*["']?([a-z0-9-]+)/.exec(metadata)?.[1];
      if (kind !== undefined && name !== undefined) found[kind].add(name);
      for (const [, tag] of document.matchAll(/["']?imageTag["']?:\s*["']?([\w.-]+)/g))
        if (tag !== undefined) tags.add(tag);
    }
  }
  return {
    instances: [...found.Instance].sort(),
    hosts: [...found.Host].sort(),
    fleets: [...found.Fleet].sort(),
    tags: [...tags].sort().reverse(),
  };
}

function* readManifests(directory: string): Generator<string> {
  let entries: string[];
  try {
    entries = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    return;
  }
  for (const entry of entries) {
    if (!/\.(ya?ml|json)$/.test(entry)) continue;
    try {
      yield readFileSync(`${directory}/${entry}`, 'utf8');
    } catch {
      // A file that has gone, or may not be read, has no names to offer.
    }
  }
}
