import { escapeSlack } from './notice-template.js';
import type { Notice } from './notifier.js';

/**
 * A notice in one or two lines of Slack's mrkdwn, such as
 * `*acme* on edmonton-1: v1.0.0 -> v1.1.0 failed: VerifyFailed - the message (will be tried again)`.
 */
export function formatSlackText(notice: Notice): string {
  const { slug, host, revision, author } = notice;
  const first = `${whoOf(slug, host)}: ${escapeSlack([...changeOf(notice), whatOf(notice)].join(' '))}`;
  const by = author === null ? '' : ` by ${author}`;
  return revision === null ? first : `${first}\n${escapeSlack(`revision ${shorten(revision)}${by}`)}`;
}

function whoOf(slug: string | null, host: string | null): string {
  if (slug === null) return `*${escapeSlack(host ?? 'desired state')}*`;
  return `*${escapeSlack(slug)}*${host === null ? '' : escapeSlack(` on ${host}`)}`;
}

const WORDS: Record<Notice['kind'], string> = {
  UpgradeSucceeded: 'succeeded',
  UpgradeFailed: 'failed',
  RolledBack: 'was rolled back',
  Stalled: 'stalled',
  Recovered: 'is well again',
  DriftDetected: 'has drifted',
  TakenDown: 'was taken down',
  TakeDownFailed: 'cannot be taken down',
  HostFailed: 'cannot be looked at',
  HostRecovered: 'can be looked at again',
  DesiredStateInvalid: 'has problems',
  DesiredStateValid: 'is in order again',
  SourceFailed: 'cannot be read',
  SourceRecovered: 'can be read again',
  SourceRefused: 'is refused',
};

function changeOf({ kind, fromImageTag: from, toImageTag: to }: Notice): string[] {
  const isUpgrade = kind === 'UpgradeSucceeded' || kind === 'UpgradeFailed' || kind === 'RolledBack';
  if (!isUpgrade || to === null) return [];
  return [from === null || from === to ? to : `${from} -> ${to}`];
}

function whatOf({ kind, severity, reason, message }: Notice): string {
  if (severity === 'info') return kind === 'DriftDetected' ? `${WORDS[kind]}: ${message}` : WORDS[kind];
  const next = severity === 'warning' ? 'will be tried again' : 'a person is needed';
  return `${WORDS[kind]}: ${reason} - ${message} (${next})`;
}

/** A commit's hash as git shows it; a digest as long as tells it from others. */
function shorten(revision: string): string {
  const [, kind = '', digits = revision] = /^(\w+:)?([0-9a-f]{12,})$/.exec(revision) ?? [];
  return `${kind}${digits.slice(0, 12)}`;
}
