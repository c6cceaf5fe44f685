import { expect, it } from 'vitest';
import { toHistoryError } from '../../src/history/sqlite/history-error.js';

it.each(['ERR_DLOPEN_FAILED', 'MODULE_NOT_FOUND'])(
  'a database engine that is not for this machine (%s) is told of',
  (code) => {
    const error = toHistoryError(Object.assign(new Error('librt.so.1: cannot open'), { code }), '/state/history.db');
    expect(error).toMatchObject({
      code: 'HistoryUnavailable',
      message:
        'the history in /state/history.db cannot be used: the database engine (libsql) cannot be loaded on this machine',
      hint: expect.stringContaining('npm install'),
    });
  },
);

it.each([undefined, null, 'text', new Error('who knows')])(
  'what nobody knows (%s) is no reason to fail otherwise',
  (error) => {
    expect(toHistoryError(error, '/state/history.db')).toMatchObject({
      code: 'HistoryUnavailable',
      message: 'the history in /state/history.db cannot be used: unexpected error',
    });
  },
);
