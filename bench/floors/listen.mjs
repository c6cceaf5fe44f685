// The least that an idle daemon can take: a connection to each agent, and its stream of events. `node listen.mjs PKI PORTS`, with
// an IPC channel: it says when all are open, and ends with the channel.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from 'undici';

const [pki, ports] = process.argv.slice(2);
const tls = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key' };
const connect = Object.fromEntries(Object.entries(tls).map(([part, file]) => [part, readFileSync(join(pki, file))]));
const dispatcher = new Agent({ connect, bodyTimeout: 0 });

await Promise.all(
  ports.split(',').map(async (port) => {
    const { body } = await dispatcher.request({
      origin: `https://127.0.0.1:${port}`,
      path: '/v1/events',
      method: 'GET',
    });
    body.on('data', () => {});
  }),
);
process.once('disconnect', () => process.exit());
process.send('listening');
