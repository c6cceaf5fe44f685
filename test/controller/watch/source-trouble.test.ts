import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createSourceTrouble } from '../../../src/controller/watch/source-trouble.js';
import type { WatchContext } from '../../../src/controller/watch/watch-context.js';
import type { FlotillaError } from '../../../src/errors.js';
import { createLogger } from '../../../src/log.js';
import { createChangeFilter } from '../../../src/notify/change-filter.js';
import { installGitTools } from '../../source/git-tools.js';
import { createRepository, type Repository, read } from '../../source/repository.js';

let repository: Repository;
beforeAll(installGitTools, 600_000);
beforeEach(() => {
  repository = createRepository();
});
afterEach(() => repository.remove());

/** A repository of which only signed commits are taken, and what is told of it. */
async function follow() {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(repository.base, 'ada')]);
  const allowedSigners = join(repository.base, 'allowed_signers');
  writeFileSync(allowedSigners, `ada@example.org ${readFileSync(join(repository.base, 'ada.pub'), 'utf8')}`);
  repository.git('config', 'gpg.format', 'ssh');
  repository.git('config', 'user.signingKey', join(repository.base, 'ada'));
  const source = repository.source({ allowedSigners });
  const filter = createChangeFilter();
  const notices: string[] = [];
  const decisions: string[] = [];
  const context: Pick<WatchContext, 'announce' | 'notify'> & { deps: Pick<WatchContext['deps'], 'log' | 'source'> } = {
    deps: { log: await createLogger({ level: 'fatal' as 'error', pretty: false }), source },
    announce: ({ reason }) => decisions.push(reason),
    notify(notice) {
      if (filter.isChange({ ...notice, at: '2026-03-02T10:00:00.000Z' }))
        notices.push(`${notice.kind}: ${notice.message}`);
    },
  };
  const trouble = createSourceTrouble(context as WatchContext);
  const look = () => read(source).then(trouble.over, (error: FlotillaError) => trouble.failed(error));
  return { look, notices, decisions };
}

it('tells of each commit that nobody has signed, once, and that all is well again', async () => {
  const { look, notices, decisions } = await follow();
  const first = repository.commit({ 'README.md': 'one\n' });
  await look();
  await look();
  expect(notices).toEqual([expect.stringMatching(`^SourceFailed: commit ${first} of .* is not signed`)]);
  const second = repository.commit({ 'README.md': 'two\n' });
  await look();
  await look();
  expect(notices.slice(1)).toEqual([expect.stringMatching(`^SourceFailed: commit ${second} of .* is not signed`)]);
  repository.commit({ 'README.md': 'three\n' }, ['--gpg-sign']);
  await look();
  await look();
  expect(notices.slice(2)).toEqual(['SourceRecovered: desired state can be read again']);
  expect(decisions).toEqual(['SourceRefused', 'SourceRefused', 'SourceRecovered']);
});
