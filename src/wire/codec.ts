import { hash } from 'node:crypto';
import type { ApplyRequest, InspectRequest } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredTenant, Plan } from '../plan/plan.js';
import type { FileEntry, RenderedFile } from '../render/file-set.js';
import type { ApplyBody, InspectBody, RollbackAnswer } from './messages.js';
import { pickDocuments } from './parsed-documents.js';

/** Bytes travel as base64 beside the plain data; entries are sent once, with the tenant or the plan. */

export function encodeInspect({ tenant, files, containers }: InspectRequest): InspectBody {
  const documents = pickDocuments(tenant.compose, files);
  // the host has no say in maintenance windows, and an older one refuses what it does not know
  const { maintenance: _, ...sent } = tenant;
  return { tenant: toWire(sent), contents: encodeContents(files), containers, ...(documents && { documents }) };
}

/** @throws FlotillaError RequestInvalid when contents and entries do not belong together */
export function decodeInspect({ tenant, contents, containers, documents = {} }: InspectBody): InspectRequest {
  const files = decodeContents(tenant.files, contents).map((file) => {
    const document = Object.hasOwn(documents, file.path) ? documents[file.path] : undefined;
    return document ? { ...file, document } : file;
  });
  return { tenant: fromWire(tenant), files, containers };
}

export function encodeApply(applyId: string, { plan, content, hold }: ApplyRequest): ApplyBody {
  const bytes = 'files' in content ? { contents: encodeContents(content.files) } : { generation: content.generation };
  return { applyId, plan: toWire(plan), ...bytes, ...(hold && { hold }) } as ApplyBody;
}

/** @throws FlotillaError RequestInvalid when contents and plan do not belong together */
export function decodeApply({ plan, contents, generation, hold }: ApplyBody, reconcileId: string): ApplyRequest {
  const content = contents ? { files: decodeContents(plan.fileSet, contents) } : { generation: generation as number };
  return { plan: fromWire(plan), content, reconcileId, ...(hold && { hold }) };
}

export function decodeRollback({ plan, generation, diffs }: RollbackAnswer): {
  plan: Plan;
  generation: number;
  diffs: RollbackAnswer['diffs'];
} {
  return { plan: fromWire(plan), generation, diffs };
}

/** The same data: the schemas describe these types, but for the brand of `onChange.action`, which a pattern checks. */
function fromWire(plan: ApplyBody['plan']): Plan;
function fromWire(tenant: InspectBody['tenant']): DesiredTenant;
function fromWire(data: ApplyBody['plan'] | InspectBody['tenant']): unknown {
  return data;
}

function toWire(plan: Plan): ApplyBody['plan'];
function toWire(tenant: DesiredTenant): InspectBody['tenant'];
function toWire(data: unknown): unknown {
  return data;
}

function encodeContents(files: readonly RenderedFile[]): Record<string, string> {
  return Object.fromEntries(files.map(({ path, content }) => [path, content.toString('base64')]));
}

function decodeContents(entries: readonly FileEntry[], contents: Record<string, string>): RenderedFile[] {
  const left = new Map(Object.entries(contents));
  const files = entries.map((entry, at) => {
    const text = left.get(entry.path);
    if (text === undefined || !left.delete(entry.path)) throw mismatch(at, 'has no content, or is listed twice');
    const content = Buffer.from(text, 'base64');
    if (content.length !== entry.size || hash('sha256', content) !== entry.sha256)
      throw mismatch(at, 'has a content other than its size and sha256 say');
    return { ...entry, content };
  });
  if (left.size === 0) return files;
  throw new FlotillaError('RequestInvalid', 'there is a content of a file that is not in the file set');
}

/** Says which by number: nothing that was sent is repeated. */
function mismatch(at: number, what: string): FlotillaError {
  return new FlotillaError('RequestInvalid', `file ${at + 1} of the file set ${what}`);
}
