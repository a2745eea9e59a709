import { LocalApicReplay } from './conformance/local-apic.js';
import type { Replay, StepResult } from './conformance/replay.js';
import {
  asObject,
  flagIn,
  type Json,
  listIn,
  objectIn,
  sameJson,
  textIn,
  type VectorFile,
  VectorFileError,
  VectorKind,
  within,
} from './conformance/vector-file.js';
import { VirtualProcessorReplay } from './conformance/virtual-processor.js';
import { vectorExceptions } from './vector-exceptions.js';

export { type VectorFile, VectorFileError, VectorKind } from './conformance/vector-file.js';

/** A step that did not do what its vector says. */
export interface VectorFailure {
  /** Name of the file, as given to {@link replayVectors}. */
  file: string;
  /** `id` of the sequence. */
  sequence: string;
  /** Index of the step in its sequence, from 0. */
  step: number;
  /** `outcome`, `changed` and `events` as the file has them. */
  expected: object;
  /** The same of what happened. */
  actual: object;
}

/** The result of replaying vectors: how many steps did what they should, and which did not. */
export interface ConformanceReport {
  passed: number;
  failed: number;
  failures: VectorFailure[];
}

const kinds: readonly string[] = Object.values(VectorKind);

/**
 * A vector file from parsed JSON.
 *
 * @throws VectorFileError if `value` is no vector file, or of a kind that cannot be replayed.
 */
export function asVectorFile(value: unknown): VectorFile {
  const file = asObject(value, '');
  const kind = textIn(file, 'kind');
  if (!kinds.includes(kind)) throw new VectorFileError('kind', `'${kind}' is not one of ${kinds.join(', ')}`);
  return { kind, sequences: listIn(file, 'sequences') };
}

function expectedOf(step: Json): StepResult {
  const expected: StepResult = { outcome: objectIn(step, 'outcome') };
  // Empty means the same as absent.
  const changed = objectIn(step, 'changed');
  if (Object.keys(changed).length > 0) expected.changed = changed;
  const events = step['events'] === undefined ? [] : listIn(step, 'events');
  if (events.length > 0) expected.events = events as Json[];
  return expected;
}

function isException(sequence: string, step: number): boolean {
  return vectorExceptions.some((exception) => exception.sequence === sequence && exception.step === step);
}

function replaySequence(kind: string, value: unknown, file: string, report: ConformanceReport): void {
  const sequence = asObject(value, '');
  const id = textIn(sequence, 'id');
  const independent = flagIn(sequence, 'independent');
  const steps = listIn(sequence, 'steps');
  const replay: Replay =
    kind === VectorKind.localApic ? new LocalApicReplay(sequence) : new VirtualProcessorReplay(sequence);
  for (let index = 0; index < steps.length; index++) {
    within(`steps[${index}]`, () => {
      const step = asObject(steps[index], '');
      const expected = expectedOf(step);
      if (independent && index > 0) replay.reset();
      const actual = within('op', () => replay.run(objectIn(step, 'op')));
      const passed = sameJson(expected, actual);
      if (!passed) replay.resume(step);
      if (passed !== isException(id, index)) {
        report.passed++;
      } else {
        report.failed++;
        report.failures.push({ file, sequence: id, step: index, expected, actual });
      }
    });
  }
}

/**
 * Replays every step of a file of conformance vectors. A step that fails does not spoil those after it: they start from the
 * state that it should have left.
 *
 * @param file - the parsed file.
 * @param name - how failures name it.
 * @throws VectorFileError if the file is not what it should be; `path` says where.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { replayVectors } from 'vmx-apic/testing';
 *
 * const report = replayVectors({
 *   kind: 'cr8',
 *   sequences: [
 *     {
 *       id: 'tpr-below-threshold',
 *       controls: { useTprShadow: true },
 *       initial: { regs: {}, tprThreshold: 4 },
 *       steps: [
 *         {
 *           op: { kind: 'movToCr8', value: '0000000000000003' },
 *           outcome: { kind: 'exit', reason: 43, qualification: '0' },
 *           changed: { regs: { '080': '00000030' } },
 *         },
 *       ],
 *     },
 *   ],
 * });
 * assert.deepEqual(report, { passed: 1, failed: 0, failures: [] });
 * ```
 */
export function replayVectors(file: VectorFile, name = ''): ConformanceReport {
  const { kind, sequences } = asVectorFile(file);
  const report: ConformanceReport = { passed: 0, failed: 0, failures: [] };
  sequences.forEach((sequence, index) => {
    within(`sequences[${index}]`, () => replaySequence(kind, sequence, name, report));
  });
  return report;
}
