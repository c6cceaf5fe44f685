/**
 * The `ref` that a push names, such as `refs/heads/main`, from a body of JSON or of a form with a field `payload` (as GitHub
 * sends when it is set to application/x-www-form-urlencoded). null wherever there is none: it is a hint only. Pure.
 */
export function readPushRef(body: Buffer, contentType: string): string | null {
  try {
    const text = body.toString('utf8');
    const json = FORM.test(contentType) ? new URLSearchParams(text).get('payload') : text;
    const { ref } = JSON.parse(json ?? '') as { ref?: unknown };
    return typeof ref === 'string' && REF.test(ref) ? ref : null;
  } catch {
    return null;
  }
}

const FORM = /^application\/x-www-form-urlencoded\b/i;
const REF = /^refs\/[!-~]{1,250}$/;
