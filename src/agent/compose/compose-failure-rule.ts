import type { ErrorCode } from '../../errors.js';

/**
 * One way in which compose fails. In `message` and `hint`, `{group}` is what the pattern's group matched, as far as it may
 * be shown: `at` a place in the model, `file` a path, `image` an image, `sentence` free text, `variable` `line` `exit`
 * `version` as they are, `detail` in brackets or not at all, `holder` never, any other a name that is masked unless it stands in the
 * compose file. `{service}`, `{project}` and
 * `{verb}` are there always.
 */
export interface FailureRule {
  pattern: RegExp;
  /** `byValue`: ComposeInvalid where the wrong `value` stands in the compose file, else EnvInvalid: a variable gave it. */
  code: ErrorCode | 'byValue';
  message: string;
  hint?: string;
}
