import { expect, it } from 'vitest';
import { recordMarks } from '../../../src/arch/index.js';
import { apicRules } from './apic-rules.js';

/** A rule of the specification, and where it is carried out and tested. */
export interface Rule {
  /** The name that `mark` gives it in the code. */
  readonly id: string;
  /** The section of the SDM (vol. 3C where no volume is named), by title. */
  readonly section: string;
  /** The rule in our own words. */
  readonly statement: string;
  /** The test file, below `test/`. */
  readonly test: string;
  /** Marks that its test reaches; `[id]` if absent. */
  readonly marks?: readonly string[];
  /** What was chosen where the SDM leaves the rule open, contradicts itself, or only one source states it. */
  readonly reading?: string;
}

/** Defines the test of a rule: fails unless `body` holds and its code was reached. */
export function rule(id: string, body: () => void): void {
  const found = apicRules.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no rule '${id}'`);
  it(`${id}: ${found.statement}`, () => {
    const reached = recordMarks(body);
    for (const mark of found.marks ?? [id]) expect(reached).toContain(mark);
  });
}
