import { type ConfigReading, loadSecret } from './config-reading.js';
import type { WebhookConfig } from './watch-config.js';
import type { WatchConfigSpec } from './watch-config-schema.js';

/** The webhooks with their secrets; those whose secret cannot be had are reported and left out. */
export async function loadWebhooks(
  webhooks: WatchConfigSpec['webhooks'] = [],
  reading: ConfigReading,
): Promise<WebhookConfig[]> {
  const loaded: WebhookConfig[] = [];
  for (const [index, webhook] of webhooks.entries()) {
    const secret = await loadSecret(webhook, 'secret', ['spec', 'webhooks', index], reading);
    if (secret !== undefined) loaded.push({ provider: webhook.provider, secret });
  }
  return loaded;
}
