import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { WebhookProvider } from '../config/watch-config.js';

/** How a provider signs what it sends, and what it calls its events. */
export interface Provider {
  /** What it signed with, as it stands in the headers; null when there is nothing like it. */
  signatureOf(headers: IncomingHttpHeaders): string | null;
  /** Whether a secret made the signature. In constant time. @param body as it came */
  isSignedWith(secret: string, signature: string, body: Buffer): boolean;
  /** In lower case; empty when it is not said. */
  eventOf(headers: IncomingHttpHeaders): string;
  /** The events that move a branch or a tag. */
  pushes: ReadonlySet<string>;
}

/**
 * GitHub: docs.github.com, "Validating webhook deliveries". GitLab: docs.gitlab.com, "Webhooks", secret token. Gitea and
 * Forgejo: their documentation of webhooks; Forgejo sends Gitea's headers, too.
 */
export const PROVIDERS: Readonly<Record<WebhookProvider, Provider>> = {
  github: {
    signatureOf: (headers) => /^sha256=(.*)$/s.exec(text(headers['x-hub-signature-256']))?.[1] ?? null,
    isSignedWith: isHmac,
    eventOf: (headers) => text(headers['x-github-event']).toLowerCase(),
    pushes: new Set(['push']),
  },
  gitlab: {
    signatureOf: (headers) => text(headers['x-gitlab-token']) || null,
    isSignedWith: isSecret,
    eventOf: (headers) => text(headers['x-gitlab-event']).toLowerCase(),
    pushes: new Set(['push hook', 'tag push hook']),
  },
  gitea: {
    signatureOf: (headers) => text(headers['x-gitea-signature']) || null,
    isSignedWith: isHmac,
    eventOf: (headers) => text(headers['x-gitea-event']).toLowerCase(),
    pushes: new Set(['push']),
  },
  forgejo: {
    signatureOf: (headers) => text(headers['x-forgejo-signature']) || text(headers['x-gitea-signature']) || null,
    isSignedWith: isHmac,
    eventOf: (headers) => (text(headers['x-forgejo-event']) || text(headers['x-gitea-event'])).toLowerCase(),
    pushes: new Set(['push']),
  },
};

/** HMAC-SHA256 of the body, in hexadecimal digits. */
function isHmac(secret: string, signature: string, body: Buffer): boolean {
  if (!/^[0-9a-fA-F]{64}$/.test(signature)) return false;
  return timingSafeEqual(createHmac('sha256', secret).update(body).digest(), Buffer.from(signature, 'hex'));
}

/** The secret itself; digests are compared, which are of one length. */
function isSecret(secret: string, token: string): boolean {
  return timingSafeEqual(digest(secret), digest(token));
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

/** Node joins headers that come twice; those of which it makes a list are none of ours. */
function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}
