import { resolve } from 'node:path';
import type { PathPart } from '../manifest/finding.js';
import { type ConfigReading, loadSecret, textOf } from './config-reading.js';
import { parseHeaders } from './parse-headers.js';
import { readSecretFile, readTextFile } from './secret-file.js';
import type { NotificationConfig } from './watch-config.js';
import type { WatchConfigSpec } from './watch-config-schema.js';

/** Says what is wrong with a template of a notification; null when it is in order. */
export type CheckNoticeTemplate = (template: string, type: NotificationConfig['type']) => string | null;

type Written = NonNullable<WatchConfigSpec['notifications']>[number];

/** The notifications with their URLs, headers and templates; those with problems are reported and left out. */
export async function loadNotifications(
  notifications: readonly Written[] = [],
  checkTemplate: CheckNoticeTemplate,
  reading: ConfigReading,
): Promise<NotificationConfig[]> {
  const loaded: NotificationConfig[] = [];
  for (const [index, written] of notifications.entries()) {
    const at = ['spec', 'notifications', index];
    const url = await loadUrl(written, at, reading);
    const headers = await loadHeaders(written, at, reading);
    const template = await loadTemplate(written, at, checkTemplate, reading);
    if (url === undefined || headers === undefined || template === undefined) continue;
    loaded.push({ type: written.type, url, headers, template, atLeast: written.atLeast ?? 'info' });
  }
  return loaded;
}

async function loadUrl(written: Written, at: PathPart[], reading: ConfigReading): Promise<string | undefined> {
  const url = written.url ?? (await loadSecret(written, 'url', at, reading));
  if (url === undefined) return undefined;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const field = [...at, ['url', 'urlFile', 'urlEnv'].find((name) => name in written) ?? 'url'];
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || /\s/.test(url)) {
    reading.report(field, 'expected an http or https URL');
  } else if (parsed.username !== '' || parsed.password !== '') {
    reading.report(
      field,
      'expected a URL without a name or a password',
      'send an Authorization header, by headersFile',
    );
  } else return url;
  return undefined;
}

async function loadHeaders(
  { headers = {}, headersFile }: Written,
  at: PathPart[],
  reading: ConfigReading,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (headersFile === undefined) return headers as Readonly<Record<string, string>>;
  const path = resolve(reading.base, headersFile);
  const field = [...at, 'headersFile'];
  const text = textOf(await readSecretFile(path), field, reading);
  if (text === undefined) return undefined;
  const parsed = parseHeaders(text);
  if ('headers' in parsed) return { ...(headers as Readonly<Record<string, string>>), ...parsed.headers };
  reading.report(field, `line ${parsed.line} of ${path}: expected a header as "Name: value"`);
  return undefined;
}

/** null where there is none, undefined where its problem was reported. */
async function loadTemplate(
  { type, template, templateFile }: Written,
  at: PathPart[],
  checkTemplate: CheckNoticeTemplate,
  reading: ConfigReading,
): Promise<string | null | undefined> {
  const field = [...at, templateFile === undefined ? 'template' : 'templateFile'];
  const text =
    templateFile === undefined
      ? template
      : textOf(await readTextFile(resolve(reading.base, templateFile), false), field, reading);
  if (text === undefined) return templateFile === undefined ? null : undefined;
  const fault = checkTemplate(text, type);
  if (fault === null) return text;
  reading.report(field, fault);
  return undefined;
}
