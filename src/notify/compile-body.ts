import type { NotificationConfig } from '../config/watch-config.js';
import { compileNoticeTemplate } from './notice-template.js';
import type { Notice } from './notifier.js';
import { formatSlackText } from './slack-text.js';

/**
 * A function that gives the JSON text to send for a notice. A webhook gets
 * `{ apiVersion, kind: 'Notice', event, ... }`, where `event` is the notice's kind; Slack gets `{ text }`.
 */
export function compileBody({ type, template }: NotificationConfig): (notice: Notice) => string {
  const fill = template === null ? null : compileNoticeTemplate(template, type);
  if (type === 'slack') return (notice) => JSON.stringify({ text: fill ? fill(notice) : formatSlackText(notice) });
  return (
    fill ??
    (({ kind, ...rest }) => JSON.stringify({ apiVersion: 'flotilla.dev/v1', kind: 'Notice', event: kind, ...rest }))
  );
}
