import { readFileSync } from 'node:fs';
import type { Pki } from './pki.js';
import { startAgent } from './remote.js';

export interface AgentTask {
  root: string;
  pki: Pick<Pki, 'agents' | 'controllers'>;
}

/** An agent in a process of its own: says where it serves, and how much memory it holds when it is asked. */
const { root, pki } = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as AgentTask;
const { url } = await startAgent(root, { pki });
process.on('message', () => process.send?.({ rss: process.memoryUsage.rss() }));
process.send?.({ url });
