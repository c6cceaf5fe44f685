// The least that a sweep over agents can cost: one request to each, of the size of Flotilla's, over mutual TLS on kept
// connections. `node sweep.mjs MANIFESTS PKI PORTS REQUEST_BYTES ANSWER_BYTES`: a cold one, as a whole process, that parses the
// manifests, shakes hands, and has the files hashed. With an IPC channel it goes on: for each message a warm one.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from 'undici';
import { parseAllDocuments } from 'yaml';

const [manifests, pki, portList, requestBytes, coldBytes, warmBytes] = process.argv.slice(2);
const ports = portList.split(',');
const tls = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key' };
const connect = Object.fromEntries(Object.entries(tls).map(([part, file]) => [part, readFileSync(join(pki, file))]));
const dispatcher = new Agent({ connect, keepAliveTimeout: 60_000 });
const body = Buffer.alloc(Number(requestBytes), ' ');

for (const path of readdirSync(manifests, { recursive: true })) {
  if (!statSync(join(manifests, path)).isFile()) continue;
  for (const document of parseAllDocuments(readFileSync(join(manifests, path), 'utf8'))) document.toJS();
}
await sweep('/hash', coldBytes);
if (process.send) {
  process.on('message', async () => {
    const start = performance.now();
    await sweep('/stat', warmBytes);
    process.send({ wallMs: performance.now() - start });
  });
  process.once('disconnect', () => process.exit());
  process.send({ ready: true });
} else {
  await dispatcher.close();
}

async function sweep(path, answerBytes) {
  await Promise.all(
    ports.map(async (port) => {
      const headers = { 'x-answer': answerBytes };
      const origin = `https://127.0.0.1:${port}`;
      const answer = await dispatcher.request({ origin, method: 'POST', path, headers, body });
      await answer.body.arrayBuffer();
    }),
  );
}
