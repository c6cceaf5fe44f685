import { oneLine, visible } from './format-safe.js';

/**
 * Free text inside GitHub-flavoured Markdown, shown as it is: no markup, no HTML, no table cell break, and neither a
 * mention nor an issue link (an empty comment parts the sign from the name).
 */
export function escapeMarkdown(text: string): string {
  return oneLine(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_[\]|~]/g, '\\$&')
    .replace(/([@#])(?=[\w-])/g, '$1<!-- -->');
}

/** A name in code style, safe in a table cell too. */
export function inlineCode(text: string): string {
  const content = oneLine(text).replace(/\|/g, '\\|');
  const ticks = '`'.repeat(longestRun(content) + 1);
  const pad = content.startsWith('`') || content.endsWith('`') ? ' ' : '';
  return `${ticks}${pad}${content}${pad}${ticks}`;
}

/** A fenced block that its content cannot close: the fence is longer than any run of backticks in it. */
export function fencedBlock(content: string, language: string): string {
  const text = visible(content.endsWith('\n') ? content : `${content}\n`);
  const ticks = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}${language}\n${text}${ticks}\n`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}
