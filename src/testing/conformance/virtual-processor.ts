import type { Replay, StepResult } from './replay.js';
import { type Json, objectIn, within } from './vector-file.js';
import {
  applyItems,
  createProcessorUnderTest,
  difference,
  type ProcessorSnapshot,
  type ProcessorUnderTest,
  restore,
  snapshot,
} from './virtual-processor-state.js';
import { afterStep, runProcessorStep } from './virtual-processor-step.js';

/** A virtual processor under APIC virtualization, replayed. */
export class VirtualProcessorReplay implements Replay {
  private readonly sequence: Json;
  private state: ProcessorUnderTest;
  private before: ProcessorSnapshot;

  constructor(sequence: Json) {
    this.sequence = sequence;
    this.state = this.create();
    this.before = snapshot(this.state);
  }

  private create(): ProcessorUnderTest {
    const state = createProcessorUnderTest(objectIn(this.sequence, 'controls'));
    within('initial', () => applyItems(state, objectIn(this.sequence, 'initial')));
    return state;
  }

  reset(): void {
    this.state = this.create();
    this.before = snapshot(this.state);
  }

  run(op: Json): StepResult {
    const { state } = this;
    if (op['kind'] === 'vmEntry' && op['set'] !== undefined) {
      within('set', () => applyItems(state, objectIn(op, 'set')));
    }
    this.before = snapshot(state);
    const outcome = runProcessorStep(state, op);
    afterStep(state, outcome);
    const changed = difference(this.before, snapshot(state));
    return changed === undefined ? { outcome } : { outcome, changed };
  }

  resume(step: Json): void {
    restore(this.state, this.before);
    within('changed', () => applyItems(this.state, objectIn(step, 'changed')));
  }
}
