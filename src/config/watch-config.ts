import type { LogLevel } from '../log.js';

export interface DirectorySourceConfig {
  kind: 'directory';
  manifests: string;
  templates: string;
}

export interface GitSourceConfig {
  kind: 'git';
  /** https, ssh (also user@host:path) or a path of this machine. */
  url: string;
  ref: { branch: string } | { tag: string };
  /** Folders of the repository. */
  manifests: string;
  templates: string;
  intervalMs: number;
  /** Commits must be signed by one of these (an allowed_signers file of ssh-keygen); null: signatures are not looked at. */
  allowedSigners: string | null;
}

export type WebhookProvider = 'github' | 'gitlab' | 'gitea' | 'forgejo';

export interface WebhookConfig {
  provider: WebhookProvider;
  /** Of a file or a variable: never printed. */
  secret: string;
}

export type NoticeSeverity = 'info' | 'warning' | 'error';

export interface NotificationConfig {
  type: 'webhook' | 'slack';
  url: string;
  /** Sent along, such as Authorization. */
  headers: Readonly<Record<string, string>>;
  /** A mustache template of the body (webhook: JSON) or of the text (slack); null for the default. */
  template: string | null;
  /** Notices of this severity and above. */
  atLeast: NoticeSeverity;
}

/** All that `flotilla watch` can be told, after file, environment and flags have been merged. Paths are absolute. */
export interface WatchConfig {
  source: DirectorySourceConfig | GitSourceConfig;
  state: string;
  pki: string;
  /** `host:port`; null: no HTTP. */
  listen: string | null;
  concurrency: { total: number; perHost: number };
  resync: { cron: string; timeZone: string; jitterMs: number };
  /** A revision that leaves fewer than this part (0 to 1) of the instances is refused until it is confirmed. */
  shrinkTo: number;
  retentionMs: number;
  webhooks: readonly WebhookConfig[];
  notifications: readonly NotificationConfig[];
  logLevel: LogLevel;
}
