import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { formatReportJson, toReportDocument } from '../../src/controller/report-json.js';
import { reportSchema } from '../../src/controller/report-schema.js';
import type { Gate, Operation } from '../../src/plan/plan.js';
import { composeDiff, item, mixedReport, report, upgradePlan } from '../support/report-fixtures.js';

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const validate = ajv.compile(reportSchema);

const OUTSIDE: Gate = {
  reason: 'OutsideWindow',
  message: 'its update waits',
  until: '2025-01-06T21:00:00.000Z',
  blocked: false,
};
const DOWN: Operation = { kind: 'down', services: ['api', 'web'], cause: 'its manifest was removed' };

describe('the report as JSON', () => {
  it('holds to its schema for every result', () => {
    const applied = {
      generation: 2,
      phases: [{ phase: 'up', durationMs: 3.5 }],
      recreated: ['api'],
      restarted: [],
    } as const;
    const reports = [
      mixedReport(),
      report([]),
      report([item('acme', { result: 'converged', plan: upgradePlan({ containers: null }), applied })], {
        dryRun: false,
      }),
      report([item('acme', { result: 'waiting', plan: upgradePlan({ gate: OUTSIDE }) })]),
      report([item('acme', { result: 'changed', plan: upgradePlan({ operations: [DOWN] }) })]),
    ];
    for (const one of reports) {
      validate(JSON.parse(formatReportJson(one)));
      expect(validate.errors).toBeNull();
    }
  });

  it('is the document that the design promises', () => {
    const plan = upgradePlan({
      operations: [{ kind: 'up', services: ['api'], recreate: [], cause: 'image changed' }],
      files: [],
    });
    const document = toReportDocument(report([item('acme', { result: 'changed', plan, conditions: [] })]));
    expect(document).toEqual({
      apiVersion: 'flotilla.dev/v1',
      kind: 'ReconcileReport',
      revision: 'f00d',
      dryRun: true,
      summary: { inSync: 0, changed: 1, converged: 0, waiting: 0, failed: 0 },
      problems: [],
      items: [
        {
          slug: 'acme',
          host: 'edmonton-1',
          fleet: 'production',
          imageTag: 'v2.4.1',
          fromImageTag: 'v2.4.0',
          result: 'changed',
          files: [],
          containers: [
            { service: 'api', action: 'recreate', cause: 'image changed: app:v2.4.0 -> app:v2.4.1' },
            { service: 'db', action: 'none', cause: '' },
            { service: 'nginx', action: 'restart', cause: 'nginx/nginx.conf changed' },
          ],
          envCoverage: {
            required: ['API_KEY', 'OLD', 'SMTP_HOST'],
            missingInTenantEnv: ['OLD', 'SMTP_HOST'],
            blocking: ['API_KEY'],
            newlyNeeded: ['API_KEY', 'SMTP_HOST'],
            suspect: [],
          },
          operations: [{ kind: 'up', services: ['api'], recreate: [], cause: 'image changed' }],
          warnings: [plan.warnings[0]],
          gate: null,
          conditions: [],
          error: null,
          applied: null,
        },
      ],
    });
  });

  it('gives a file its diff, and leaves unchanged files and hashes out', () => {
    const document = toReportDocument(
      report([item('acme', { result: 'changed', plan: upgradePlan(), diffs: [composeDiff] })]),
    );
    expect(document.items[0]?.files.map((file) => file.path)).toEqual([
      '.env',
      'docker-compose.yml',
      'nginx/nginx.conf',
      'nginx/old.conf',
    ]);
    expect(document.items[0]?.files[0]).toMatchObject({ sensitive: true, diff: null });
    expect(document.items[0]?.files[1]).toMatchObject({ diff: composeDiff.diff, truncated: false, omittedLines: 0 });
    expect(JSON.stringify(document)).not.toContain('sha256');
  });

  it('says until when a plan is held, and what a removed manifest takes down', () => {
    const plan = upgradePlan({ gate: OUTSIDE, operations: [DOWN] });
    const [document] = toReportDocument(report([item('acme', { result: 'waiting', plan })])).items;
    expect(document?.gate).toEqual({ ...OUTSIDE, hint: null });
    expect(document?.operations).toEqual([DOWN]);
    const [suspended] = toReportDocument(mixedReport()).items.filter(({ gate }) => gate !== null);
    expect(suspended?.gate?.until).toBeNull();
  });

  it('is the same bytes for the same report', () => {
    expect(formatReportJson(mixedReport())).toBe(formatReportJson(mixedReport()));
  });

  it('ships the schema that it is tested against', () => {
    const shipped = readFileSync(new URL('../../schemas/reconcile-report.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(shipped)).toEqual(reportSchema);
  });
});
