import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { vmcsRules } from './rules/vmcs-rules.js';

// Reads the source, so it is of no use on instrumented code: mutation testing leaves it out.
it('no mark in the code of VM entry is without a row in the table of rules', () => {
  const folder = new URL('../../src/arch/vm-entry/', import.meta.url);
  const sources = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const marks = sources.flatMap((text) => [...text.matchAll(/mark\('([^']+)'\)/g)].map(([, mark]) => mark));
  const known = new Set<string | undefined>(vmcsRules.map(({ id }) => id));
  expect(marks.length).toBeGreaterThan(40);
  expect(marks.filter((mark) => !known.has(mark))).toEqual([]);
});
