import { parseSubjectUri, type Subject } from './role.js';

/**
 * Whom the names in a certificate stand for, or what is wrong with them as the end of a sentence about the certificate.
 *
 * @param altNames as Node writes them: `URI:urn:flotilla:agent:a, DNS:a.example.org`; odd values are JSON strings
 */
export function readSubject(altNames: string | undefined): Subject | { problem: string } {
  const names = splitAltNames(altNames ?? '');
  if (names === null) return { problem: 'has names that cannot be read' };
  const uris = names.filter(({ type, value }) => type === 'URI' && /^urn:flotilla:/i.test(value));
  if (uris.length > 1) return { problem: 'names more than one identity of Flotilla' };
  return parseSubjectUri(uris[0]?.value ?? '') ?? { problem: 'names no identity of Flotilla' };
}

function splitAltNames(text: string): { type: string; value: string }[] | null {
  const names: { type: string; value: string }[] = [];
  const entry = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const [, type, raw = ''] = entry.exec(text) ?? [];
    const value = raw.startsWith('"') ? unquote(raw) : raw;
    if (type === undefined || value === null) return null;
    names.push({ type, value });
  }
  return names;
}

function unquote(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}
