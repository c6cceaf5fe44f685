import { dirname, resolve } from 'node:path';
import type { DesiredHost } from './desired-state.js';
import type { PlacedFinding } from './finding.js';
import { formatPlace, type NameIndex } from './index-names.js';
import type { ManifestDocument } from './manifest-document.js';

/**
 * The hosts that can be reached as declared. Two that name one address are both refused: locks and collision checks
 * count on a directory having one name. A local root is relative to the file that says it, and `base` is what that
 * file's path is relative to.
 */
export function resolveHosts(
  index: NameIndex<'Host'>,
  base: string,
  findings: PlacedFinding[],
): ReadonlyMap<string, DesiredHost> {
  const byAddress = new Map<string, ManifestDocument<'Host'>[]>();
  const hosts = new Map<string, DesiredHost>();
  for (const { document } of index.values()) {
    if (document === undefined) continue;
    const host = resolveHost(document, base, findings);
    if (host === undefined) continue;
    hosts.set(host.name, host);
    const address = host.kind === 'local' ? host.root : host.url;
    byAddress.set(address, [...(byAddress.get(address) ?? []), document]);
  }
  for (const sharing of byAddress.values()) {
    if (sharing.length === 1) continue;
    for (const document of sharing) {
      findings.push(sharedAddress(document, sharing));
      hosts.delete(document.name);
    }
  }
  return hosts;
}

function resolveHost(
  { manifest, place, name }: ManifestDocument<'Host'>,
  base: string,
  findings: PlacedFinding[],
): DesiredHost | undefined {
  const { agent, local } = manifest.spec;
  if (local !== undefined) return { name, kind: 'local', root: resolve(base, dirname(place.file), local) };
  if (agent !== undefined && URL.canParse(agent)) return { name, kind: 'agent', url: new URL(agent).origin };
  const message = `spec.agent: expected an https URL, found ${JSON.stringify(agent)}`;
  findings.push({ code: 'ManifestInvalid', message, path: ['spec', 'agent'], place });
  return undefined;
}

function sharedAddress(
  document: ManifestDocument<'Host'>,
  sharing: readonly ManifestDocument<'Host'>[],
): PlacedFinding {
  const field = document.manifest.spec.local === undefined ? 'agent' : 'local';
  const others = sharing.filter((other) => other !== document);
  const named = others.map((other) => `${other.name} (${formatPlace(other.place)})`).join(', ');
  return {
    code: 'ManifestInvalid',
    message: `host ${document.name} has the same ${field === 'agent' ? 'address' : 'directory'} as ${named}`,
    hint: 'one machine is one host: let their instances name the same one',
    path: ['spec', field],
    place: document.place,
  };
}
