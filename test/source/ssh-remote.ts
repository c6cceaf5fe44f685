import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export interface SshRemote {
  user: string;
  port: number;
  /** Names its key, as a client remembers it. */
  knownHosts: string;
  /** An address on it. */
  url(path: string): string;
  close(): Promise<void>;
}

/** Makes a pair of keys. @returns the path of the private one */
export function makeKey(path: string, passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', path]);
  return path;
}

/** A server of ssh on loopback that knows one key, and lets it in as whoever runs the test. All it needs is in `dir`. */
export async function serveSsh(dir: string, key: string): Promise<SshRemote> {
  mkdirSync(dir);
  const hostKey = makeKey(join(dir, 'host'));
  copyFileSync(`${key}.pub`, join(dir, 'authorized_keys'));
  // As root it gives up what it may there; the service, which would have made it, does not run.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const { child, port } = await listen(dir);
  const knownHosts = join(dir, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
  const user = userInfo().username;
  return {
    user,
    port,
    knownHosts,
    url: (path) => `ssh://${user}@127.0.0.1:${port}${path}`,
    close: () => endProcess(child),
  };
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

/** It takes no port 0, and a port that is free can be taken by somebody else meanwhile. */
async function listen(dir: string): Promise<{ child: ChildProcess; port: number }> {
  const program = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin; command -v sshd'], { encoding: 'utf8' }).trim();
  let said = '';
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const port = await freePort();
    const config = join(dir, 'sshd_config');
    writeFileSync(config, configOf(dir, port));
    const child = spawn(program, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    said = '';
    for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
      said += chunk;
      if (!said.includes('Server listening on')) continue;
      child.stderr.resume();
      return { child, port };
    }
  }
  throw new Error(`sshd did not start: ${said}`);
}

function configOf(dir: string, port: number): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${join(dir, 'host')}
AuthorizedKeysFile ${join(dir, 'authorized_keys')}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
