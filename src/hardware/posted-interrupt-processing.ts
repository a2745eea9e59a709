import { postedInterruptProcessingSteps } from '../arch/posted-interrupt-processing.js';
import { local, shared } from '../engine/routine.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { stepNamed, stepStage } from './outcome.js';
import { physicalEoi } from './physical-apic.js';

const { microcode, stage } = hardware;
const steps = postedInterruptProcessingSteps;

function ownDescriptorLine(machine: HardwareMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).descriptorLine;
}

/** Posted-interrupt processing of an acknowledged notification. SDM vol. 3C, "Posted-Interrupt Processing". */
export const postedInterruptProcessing = microcode('posted-interrupt-processing', () => ({ pid: -1, highest: -1 }), [
  stage('acknowledge', 'interruptAcknowledge', local, () => {}),
  stepStage(stepNamed(steps, 'clear-on'), 'pidOnClear', shared, { line: ownDescriptorLine }),
  stage('eoi', 'physicalEoi', local, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  stepStage(stepNamed(steps, 'move-pir'), 'pirToVirr', shared, { line: ownDescriptorLine }),
  stepStage(stepNamed(steps, 'set-rvi'), 'setRvi', local),
  stage('evaluate', 'evaluatePending', local, (m, cpu, f) => {
    evaluate.run(currentVcpu(m, cpu), m.memory, f);
    cpu.attention = 1;
  }),
]);

const evaluate = stepNamed(steps, 'evaluate');
