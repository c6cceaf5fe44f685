import type { SqliteDatabase, SqliteStatement } from 'kysely';
import type Libsql from 'libsql';
import { FlotillaError } from '../../errors.js';

/** More than there are different queries, but for lists of slugs. */
const MAX_STATEMENTS = 100;

/**
 * A connection of libsql as Kysely wants it. Statements are kept by their text, since preparing one costs more than running it.
 * `translate` makes of a foreign error the one that is thrown.
 */
export function createLibsqlDatabase(
  connection: Libsql.Database,
  translate: (error: unknown) => FlotillaError,
): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  let open = true;
  const guarded = <T>(run: () => T): T => {
    // A statement of libsql goes on working after its connection was closed.
    if (!open) throw new FlotillaError('HistoryUnavailable', 'the history is closed');
    try {
      return run();
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    prepare(sql) {
      const known = statements.get(sql);
      if (known) return known;
      if (statements.size >= MAX_STATEMENTS) statements.clear();
      const statement = guarded(() => wrapStatement(connection, sql, guarded));
      statements.set(sql, statement);
      return statement;
    },
    close() {
      if (!open) return;
      open = false;
      statements.clear();
      connection.close();
    },
  };
}

function wrapStatement(connection: Libsql.Database, sql: string, guarded: <T>(run: () => T) => T): SqliteStatement {
  const statement = connection.prepare(sql);
  const none = { changes: 0, lastInsertRowid: 0 };
  return {
    reader: statement.reader,
    all: (parameters) => guarded(() => statement.all(bindable(parameters))),
    run: (parameters) =>
      guarded(() => {
        // SQLite has rolled back by itself when the disk was full: to do it again would hide that error behind another.
        if (sql === 'rollback' && !connection.inTransaction) return none;
        return statement.run(bindable(parameters));
      }),
    iterate: () => {
      throw new Error('streaming is not used');
    },
  };
}

/** libsql ends the whole process on a parameter of another kind, and reads text only up to its first NUL. */
function bindable(parameters: readonly unknown[]): (string | number | null)[] {
  return parameters.map((parameter) => {
    if (typeof parameter === 'string')
      return parameter.includes('\0') ? parameter.replaceAll('\0', '\ufffd') : parameter;
    if (typeof parameter === 'number' || parameter === null) return parameter;
    throw new TypeError(`a parameter of a query is of type ${typeof parameter}`);
  });
}
