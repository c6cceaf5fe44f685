import type { PlacedFinding } from './finding.js';
import { type BrokenDocument, type DocumentPlace, type ManifestDocument, slugOf } from './manifest-document.js';
import type { ManifestKind } from './schema.js';

/** The documents of one kind by name. */
export type NameIndex<Kind extends ManifestKind> = ReadonlyMap<string, NameEntry<Kind>>;

interface NameEntry<Kind extends ManifestKind> {
  kind: Kind;
  name: string;
  /** Every document that takes the name, in reading order; never empty. */
  places: readonly [DocumentPlace, ...DocumentPlace[]];
  /** The one in order; undefined when it has problems or when several take the name. */
  document: ManifestDocument<Kind> | undefined;
}

/** Broken documents count: a name that two take is ambiguous whichever of them can be read. */
export function indexByName<Kind extends ManifestKind>(
  { documents, broken }: { documents: readonly ManifestDocument[]; broken: readonly BrokenDocument[] },
  kind: Kind,
): NameIndex<Kind> {
  const index = new Map<string, NameEntry<Kind> & { places: DocumentPlace[] }>();
  const add = (name: string, place: DocumentPlace, document: ManifestDocument<Kind> | undefined) => {
    const entry = index.get(name);
    if (entry === undefined) index.set(name, { kind, name, places: [place], document });
    else {
      entry.places.push(place);
      entry.document = undefined;
    }
  };
  for (const document of documents) {
    if (document.kind === kind) add(document.name, document.place, document as ManifestDocument<Kind>);
  }
  for (const each of broken) {
    const name = kind === 'Instance' ? slugOf(each) : each.kind === kind ? each.name : undefined;
    if (name !== undefined) add(name, each.place, undefined);
  }
  return index;
}

/** A finding at each of the documents that share a name, each naming the others. */
export function findDuplicates(index: NameIndex<ManifestKind>): PlacedFinding[] {
  const findings: PlacedFinding[] = [];
  for (const { kind, name, places } of index.values()) {
    if (places.length === 1) continue;
    for (const place of places) {
      const others = places.filter((other) => other !== place).slice(0, 5);
      const message = `${kind.toLowerCase()} ${name} is declared more than once: also at ${others.map(formatPlace).join(', ')}`;
      const hint = `keep one of them; until then ${kind === 'Instance' ? 'none of them is' : 'neither is'} used`;
      findings.push({ code: 'ManifestInvalid', message, hint, path: ['metadata', 'name'], place });
    }
  }
  return findings;
}

export function formatPlace({ file, line }: DocumentPlace): string {
  return `${file}:${line}`;
}
