import { movFromCr8, movToCr8 } from '../arch/cr8.js';
import { ExitReason } from '../arch/exit-reason.js';
import { hlt as executeHlt } from '../arch/hlt-and-mwait.js';
import { readClock } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { avicEvaluate } from './avic.js';
import { haltByGuest } from './external-interrupt.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { carryOut } from './outcome.js';
import { vmExit } from './vm-exit.js';

const { glue, instruction, program, stage, until } = hardware;

function exit(machine: HardwareMachine, processor: LogicalProcessor, reason: ExitReason): void {
  vmExit(machine, processor, { kind: 'exit', reason, qualification: 0, trapLike: false });
}

/** HLT in VMX non-root operation: exits, or waits for an event. SDM vol. 3C, "HLT exiting"; vol. 2A, "HLT". */
export const hlt = instruction(
  'hlt',
  () => ({}),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const outcome = executeHlt(vcpu);
      if (outcome.kind === 'exit') return carryOut(m, cpu, outcome);
      // The instruction has retired as far as blocking by STI goes.
      cpu.shadow = 0;
      return undefined;
    }),
    glue('sleep', (_m, cpu) => {
      haltByGuest(cpu);
    }),
    until('halted', 'instructionRetire', (_m, cpu) => cpu.halted === 0, { channel: () => -1, interruptible: true }),
    // Back to sleep after posted-interrupt processing and after an exit, unless there was something to deliver.
    glue('activity-state', (m, cpu) => (currentVcpu(m, cpu).activity === 0 ? undefined : 'sleep'), { to: ['sleep'] }),
  ],
);

/** CPUID: exits unconditionally. SDM vol. 3C, "Instructions That Cause VM Exits Unconditionally". */
export const cpuid = instruction(
  'cpuid',
  () => ({}),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu) => {
      exit(m, cpu, ExitReason.Cpuid);
    }),
  ],
);

/**
 * VMRESUME in VMX non-root operation: exits unconditionally. The program goes on when the guest of its own that it resumed exits to it;
 * returns the exit reason. SDM vol. 3C, "Instructions That Cause VM Exits Unconditionally".
 */
export const vmresume = instruction(
  'vmresume',
  () => ({}),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu) => {
      exit(m, cpu, ExitReason.Vmresume);
    }),
  ],
);

/** Interruption information of #UD: valid, hardware exception, vector 6. */
export const invalidOpcode = 0x8000_0306;

/**
 * RSM by a guest whose system-management mode is its hypervisor's: outside of the processor's own it is #UD (which KVM always intercepts), on AMD
 * an intercept of its own. SDM vol. 2B, "RSM"; APM vol. 2, "Instruction Intercepts".
 */
export const rsm = instruction(
  'rsm',
  () => ({}),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu) => {
      if (currentVcpu(m, cpu).svm === 1) {
        exit(m, cpu, ExitReason.Rsm);
        return;
      }
      const qualification = 0;
      const reason = ExitReason.ExceptionNmi;
      vmExit(m, cpu, {
        kind: 'exit',
        reason,
        qualification,
        trapLike: false,
        interruptionInformation: invalidOpcode,
      });
    }),
  ],
);

/** VMCALL: exits unconditionally; returns what the hypervisor left in RAX. `a0` to `a5` are what it reads, in 32-bit halves. */
export const vmcall = instruction(
  'vmcall',
  () => ({ number: 0, a0: 0, a1: 0, a2: 0, a3: 0, a4: 0, a5: 0 }),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu, f) => {
      const { exit: information } = currentVcpu(m, cpu);
      information.msr = f.number;
      information.operands = [f.a0, f.a1, f.a2, f.a3, f.a4, f.a5];
      exit(m, cpu, ExitReason.Vmcall);
    }),
  ],
);

/** MOV to CR8. SDM vol. 3C, "Virtualizing CR8-Based TPR Accesses". */
export const movToCr8Instruction = instruction(
  'mov-to-cr8',
  () => ({ value: 0 }),
  [],
  [
    stage('execute', 'cr8Write', shared, (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      vcpu.exit.low = f.value;
      cpu.attention = 1;
      const outcome = carryOut(m, cpu, movToCr8(vcpu, f.value, 0));
      // The core has no SVI: it looks at the backing page.
      if (vcpu.avic === 1) avicEvaluate(vcpu);
      return outcome;
    }),
  ],
);

/** MOV from CR8: returns the value. */
export const movFromCr8Instruction = instruction(
  'mov-from-cr8',
  () => ({}),
  [],
  [stage('execute', 'cr8Read', shared, (m, cpu) => carryOut(m, cpu, movFromCr8(currentVcpu(m, cpu))))],
);

/** RDTSC without an exit: returns the time-stamp counter. A program of two stages, because the engine answers between them. */
export const rdtsc = program('rdtsc', () => ({}), [
  stage('read', 'rdtsc', shared, (m) => {
    readClock(m);
  }),
  stage('retire', 'instructionRetire', shared, (_m, _cpu, _f, time) => time),
]);

/** STI: interrupts are enabled, but the next instruction still runs without one. SDM vol. 2B, "STI". */
export function sti(machine: HardwareMachine, processor: LogicalProcessor): undefined {
  const vcpu = currentVcpu(machine, processor);
  // Ends with the instruction after the stage that calls this.
  if (vcpu.interruptFlag === 0) processor.shadow = 2;
  vcpu.interruptFlag = 1;
  processor.attention = 1;
}

/** CLI. */
export function cli(machine: HardwareMachine, processor: LogicalProcessor): undefined {
  currentVcpu(machine, processor).interruptFlag = 0;
}
