import { type Inventory, type InventoryItem, takeInventory } from '../pki/inventory.js';
import { describeSubject } from '../pki/role.js';
import { EXIT_DONE } from './exit-code.js';
import { createPaint, type Io, wantsColor } from './io.js';
import { formatDocument } from './print-report.js';
import { formatTable } from './table.js';

/** Whoever looks once a fortnight sees it in time. */
const WARN_DAYS = 20;

/** `flotilla pki show` */
export async function showCommand(
  _: unknown,
  { io, dir, color, format }: { io: Io; dir: string; color: boolean; format: 'text' | 'json' },
): Promise<number> {
  const inventory = takeInventory(dir, new Date());
  if (format === 'json') {
    const document = { apiVersion: 'flotilla.dev/v1', kind: 'PkiInventory', ...inventory };
    await io.out.write(await formatDocument(document, 'json'));
  } else {
    await io.out.write(formatInventory(inventory));
  }
  const paint = createPaint(wantsColor(io.err, io.env, color));
  for (const line of warningsOf(inventory)) await io.err.write(`${paint.yellow('warning')}: ${line}\n`);
  return EXIT_DONE;
}

function formatInventory({ authority, items }: Inventory): string {
  const head = ['NAME', 'ROLE', 'STATE', 'EXPIRES', 'SERIAL', 'SANS'];
  const rows = items.map((one) => [
    one.name,
    one.role,
    one.state,
    formatDays(one.expiresInDays),
    one.serial,
    one.sans.join(',') || '-',
  ]);
  const table = rows.length === 0 ? 'nothing was issued yet\n' : formatTable(head, rows);
  return `${table}authority: expires ${formatDays(authority.expiresInDays)} (${authority.notAfter.slice(0, 10)})\n`;
}

function formatDays(days: number): string {
  if (days < 0) return `${-days}d ago`;
  return `in ${days}d`;
}

function warningsOf({ authority, items }: Inventory): string[] {
  const soon = items.filter(
    (one) => one.state === 'expired' || (one.state === 'current' && one.expiresInDays < WARN_DAYS),
  );
  const lines = soon.map((one) => `${describeSubject(one)} ${when(one)}: flotilla pki renew ${one.name}`);
  if (authority.expiresInDays >= WARN_DAYS) return lines;
  return [...lines, `the authority ${when(authority)}: make a new one, and give every machine a new folder`];
}

function when({ expiresInDays: days }: Pick<InventoryItem, 'expiresInDays'>): string {
  if (days < 0) return 'has expired';
  return days === 0 ? 'expires within a day' : `expires in ${days} ${days === 1 ? 'day' : 'days'}`;
}
