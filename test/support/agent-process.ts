import { type BuiltCli, type CliOptions, type RunningCli, startCli } from './cli-process.js';

export interface RunningAgent extends RunningCli {
  /** Where it listens. */
  port: number;
  /** The lines of its log that have this message, parsed. */
  logged(message: string): Record<string, unknown>[];
}

/** Starts `flotilla agent` as a process of its own on loopback, by default on a free port; resolves once it serves. */
export async function startAgentProcess(
  cli: BuiltCli,
  { root, pki, port: wanted = 0, ...options }: CliOptions & { root: string; pki: string; port?: number },
): Promise<RunningAgent> {
  const running = startCli(cli, ['agent', '--root', root, '--pki', pki, '--listen', `127.0.0.1:${wanted}`], options);
  await running.until(/agent serves/);
  const logged = (message: string) =>
    running
      .stderr()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === message);
  const port = logged('agent serves')[0]?.port;
  if (typeof port !== 'number') throw new Error(`the agent does not serve: ${running.stderr()}`);
  return { ...running, port, logged };
}
