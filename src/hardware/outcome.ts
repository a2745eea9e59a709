import type { ApicMemory } from '../arch/apic-memory.js';
import type { Outcome } from '../arch/outcome.js';
import type { Step } from '../arch/step.js';
import type { VirtualProcessor } from '../arch/virtual-processor.js';
import { InternalError } from '../engine/errors.js';
import { type Control, done, type StageOptions, type StageSpec, type Visibility } from '../engine/routine.js';
import type { Numbers } from '../engine/state.js';
import { raiseFault } from './exceptions.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { sendPhysicalIpi } from './physical-apic.js';
import { vmExit } from './vm-exit.js';

/**
 * Carries out what an architectural operation came to on this processor: VM exit, notification, fault. Undefined if the
 * operation goes on.
 */
export function carryOut(machine: HardwareMachine, processor: LogicalProcessor, outcome: Outcome | undefined): Control {
  if (outcome === undefined) return undefined;
  switch (outcome.kind) {
    case 'exit':
      vmExit(machine, processor, outcome);
      return undefined;
    case 'posted':
      if (outcome.notify) sendPhysicalIpi(machine, outcome.destination, outcome.vector);
      return done;
    case 'completed':
      return done;
    case 'data':
      return outcome.low;
    case 'fault':
      raiseFault(machine, processor, outcome.vector);
      return undefined;
    default:
      throw new InternalError(
        `virtual CPU ${processor.vcpu}`,
        `the guest program ran into '${outcome.kind}', which no guest program of this library does`,
      );
  }
}

/** A step of an architectural operation, which others can see in between, as a stage. */
export function stepStage<L extends Numbers<L>>(
  step: Step<VirtualProcessor, ApicMemory, L>,
  cost: string,
  visibility: Visibility,
  options: StageOptions<HardwareMachine, LogicalProcessor, L> = {},
): StageSpec<HardwareMachine, LogicalProcessor, L> {
  return hardware.stage(
    step.name,
    cost,
    visibility,
    (machine, processor, locals: L) =>
      carryOut(machine, processor, step.run(currentVcpu(machine, processor), machine.memory, locals)),
    options,
  );
}

/** The step of this name. */
export function stepNamed<L>(
  steps: readonly Step<VirtualProcessor, ApicMemory, L>[],
  name: string,
): Step<VirtualProcessor, ApicMemory, L> {
  const step = steps.find((candidate) => candidate.name === name);
  if (step === undefined) throw new InternalError(name, 'the architecture has no step of this name');
  return step;
}
