import type { Problem } from '../errors.js';
import { type Finding, locateFinding } from '../manifest/finding.js';
import { readDocument } from '../manifest/read-manifests.js';
import { createSourceText } from '../manifest/source-text.js';
import { readYamlDocuments, type YamlDocument } from '../manifest/yaml-documents.js';
import { type Masked, maskSecrets } from './mask-secrets.js';
import { validateWatchConfig } from './validate-watch-config.js';
import { type WatchConfigDocument, type WatchConfigSpec, watchConfigSchema } from './watch-config-schema.js';

/** What a configuration file says. */
export interface ReadWatchConfig {
  /** undefined where it has problems. */
  spec: WatchConfigSpec | undefined;
  problems: readonly Problem[];
  /** Where in the file something is that was found out later. */
  locate(finding: Finding): Problem;
}

/**
 * Parses and checks a configuration (YAML or JSON). Problems name `file`, line and column, and show the line without what may
 * be secret. Pure.
 */
export function readWatchConfig(file: string, text: string): ReadWatchConfig {
  const [first, ...others] = readYamlDocuments(text);
  if (first === undefined || others.length > 0) {
    return broken(file, [{ ...inFile(file), message: 'expected exactly one document, of kind WatchConfig' }]);
  }
  if (!('document' in first)) return broken(file, [{ ...inFile(file), message: first.reason }]);
  const masked = maskSecrets(text, first.document, first.base, watchConfigSchema);
  const source = createSourceText(file, masked.text);
  const validate = (value: unknown) => validateWatchConfig(value).map((finding) => withoutSecret(finding, masked));
  const { value, problems } = readDocument(source, first, validate);
  const found = problems.map((problem): Problem => ({ ...withoutGuess(problem, first), code: 'ConfigInvalid' }));
  const locate = (finding: Finding) => locateFinding(source, first.document, first.base, finding);
  return { spec: found.length === 0 ? (value as WatchConfigDocument).spec : undefined, problems: found, locate };
}

function inFile(file: string): Pick<Problem, 'code' | 'file'> {
  return { code: 'ConfigInvalid', file };
}

function broken(file: string, problems: Problem[]): ReadWatchConfig {
  const locate = ({ code, message }: Finding): Problem => ({ code, message, file });
  return { spec: undefined, problems, locate };
}

/** What is wrong without what was found there, where that may be a secret. */
function withoutSecret(finding: Finding, masked: Masked): Finding {
  if (!masked.hides(finding.path)) return finding;
  const message = finding.message.replace(/, found .*$/s, '');
  return finding.needsQuotes
    ? { ...finding, message, needsQuotes: false, hint: 'put it in quotes' }
    : { ...finding, message };
}

/** Where the text could not be parsed nobody knows what in it is secret: then no line is shown. */
function withoutGuess({ excerpt, ...problem }: Problem, { document }: YamlDocument): Problem {
  const hasShape = document.errors.every((error) => error.code === 'DUPLICATE_KEY');
  return excerpt === undefined || !hasShape ? problem : { ...problem, excerpt };
}
