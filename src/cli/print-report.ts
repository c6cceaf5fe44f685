import type { ReconcileReport } from '../controller/report.js';
import type { Context } from './context.js';

export type ReportFormat = 'text' | 'json' | 'yaml' | 'markdown';

/** The report as standard output gets it. Loads only the formatter that is asked for. */
export async function formatReport(report: ReconcileReport, format: ReportFormat, context: Context): Promise<string> {
  switch (format) {
    case 'text': {
      const { formatReportText } = await import('../controller/report-text.js');
      return formatReportText(report, { paint: context.paint, verbose: context.verbose });
    }
    case 'markdown':
      return (await import('../controller/report-markdown.js')).formatReportMarkdown(report);
    case 'json':
    case 'yaml': {
      const { toReportDocument } = await import('../controller/report-json.js');
      return formatDocument(toReportDocument(report), format);
    }
  }
}

/** Plain data as one JSON or YAML document that ends in a line feed. */
export async function formatDocument(document: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** One of a stream of documents: JSON on a line of its own, YAML with a marker before it. */
export async function formatStreamed(document: unknown, format: 'json' | 'yaml'): Promise<string> {
  return format === 'json' ? `${JSON.stringify(document)}\n` : `---\n${await formatDocument(document, format)}`;
}
