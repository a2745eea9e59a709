import { operationStory } from '../stories.js';
import type { ApicSystem, SystemStep, Taken } from './apic-system.js';
import type { ReferenceSystem } from './reference-system.js';

/** The first step at which two systems did not do the same. */
export interface SystemDifference {
  /** Index of the step. */
  readonly step: number;
  /** What happened up to there and where they part, in sentences. */
  readonly story: string;
}

const hex = (value: number): string => `${value.toString(16).toUpperCase()}H`;

function byCpu(taken: readonly Taken[]): string {
  const sorted = taken
    .map(({ cpu, vector }, order) => ({ cpu, vector, order }))
    .sort((a, b) => a.cpu - b.cpu || a.order - b.order);
  return sorted.length === 0
    ? 'nothing'
    : sorted.map(({ cpu, vector }) => `CPU ${cpu} takes ${hex(vector)}`).join(', ');
}

/** One step as a sentence. */
function stepStory(step: SystemStep): string {
  return 'disturb' in step ? `disturbance ${step.disturb}` : `CPU ${step.cpu} ${operationStory(step.operation)}`;
}

/**
 * Drives a system and the reference with the same steps, and compares what each operation came to: who took what and in which order,
 * what reads gave, what faulted. Steps that a CPU cannot be told at the moment (it halts) are left out, so any list of steps will do; a
 * disturbance must go unnoticed.
 *
 * @param reference - what is right; it is driven on
 * @param system - an implementation at its beginning, like the reference
 * @returns where they part, or undefined if they never do
 */
export function compareSystems(
  reference: ReferenceSystem,
  system: ApicSystem,
  steps: readonly SystemStep[],
): SystemDifference | undefined {
  const told: string[] = [];
  for (const [index, step] of steps.entries()) {
    const differs = (expected: string, actual: string): SystemDifference => ({
      step: index,
      story: [...told, `expected: ${expected}`, `happened: ${actual}`].join('\n'),
    });
    if ('disturb' in step) {
      const disturbed = system.disturb?.(step.disturb);
      if (disturbed === undefined) continue;
      told.push(`${told.length + 1}. ${disturbed.what}`);
      if (disturbed.taken.length > 0) return differs('nothing', byCpu(disturbed.taken));
      continue;
    }
    const { cpu, operation } = step;
    if (!reference.applies(cpu, operation)) continue;
    told.push(`${told.length + 1}. ${stepStory(step)}`);
    const expected = reference.perform(cpu, operation);
    const actual = system.perform(cpu, operation);
    if (expected.fault !== actual.fault) {
      return differs(expected.fault ? 'a general-protection fault' : 'no fault', actual.fault ? 'a fault' : 'none');
    }
    // Who is interrupted on the way has it later, if at all.
    if (expected.value !== actual.value && !expected.taken.some((taken) => taken.cpu === cpu)) {
      const shown = (value: number | undefined): string => (value === undefined ? 'no value' : hex(value));
      return differs(shown(expected.value), shown(actual.value));
    }
    if (byCpu(expected.taken) !== byCpu(actual.taken)) return differs(byCpu(expected.taken), byCpu(actual.taken));
    if (expected.taken.length > 0) told.push(`   ${byCpu(expected.taken)}`);
  }
  return undefined;
}
