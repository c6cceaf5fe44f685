import { isIP } from 'node:net';
import { FlotillaError } from '../errors.js';

/** A name by which controllers reach an agent. */
export interface AltName {
  type: 'dns' | 'ip';
  value: string;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/**
 * Reads `DNS:edmonton-1.example.org` and `IP:10.0.0.7`, as `--san` takes them. The same name twice counts once.
 *
 * @throws UsageInvalid saying what to write instead
 */
export function parseAltNames(texts: readonly string[]): AltName[] {
  const names = texts.flatMap((text) => text.split(',')).map(parseAltName);
  return names.filter((one, at) => names.findIndex((other) => formatAltName(other) === formatAltName(one)) === at);
}

/** As `--san` takes it. */
export function formatAltName({ type, value }: AltName): string {
  return `${type === 'dns' ? 'DNS' : 'IP'}:${value}`;
}

function parseAltName(text: string): AltName {
  const [, kind = '', value = ''] = /^(DNS|IP):(.*)$/i.exec(text.trim()) ?? [];
  if (kind.toUpperCase() === 'IP' && isAddress(value)) return { type: 'ip', value: value.toLowerCase() };
  const name = value.toLowerCase();
  if (kind.toUpperCase() === 'DNS' && HOST_NAME.test(name) && !looksLikeAddress(name)) {
    return { type: 'dns', value: name };
  }
  throw new FlotillaError('UsageInvalid', `--san ${JSON.stringify(text)} is not a name that a certificate can hold`, {
    hint: `write ${suggest(value || text.trim())}: the exact names under which controllers reach the agent`,
  });
}

/** An address in a SAN has no zone (`fe80::1%eth0`). */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

/** No host has digits alone as its last label: it is an address, or a mistyped one. */
function looksLikeAddress(name: string): boolean {
  return /(^|\.)\d+$/.test(name);
}

function suggest(value: string): string {
  if (isAddress(value)) return `--san IP:${value}`;
  const name = value.toLowerCase();
  if (HOST_NAME.test(name) && !looksLikeAddress(name)) return `--san DNS:${name}`;
  return '--san DNS:host.example.org or --san IP:10.0.0.7';
}
