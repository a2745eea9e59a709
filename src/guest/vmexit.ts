import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, local, type Routine, shared } from '../engine/routine.js';
import {
  cli,
  cpuid,
  hlt,
  movFromCr8Instruction,
  movToCr8Instruction,
  rdtsc,
  sti,
  vmcall,
} from '../hardware/instructions.js';
import { Record } from '../hardware/records.js';
import { iret } from '../hardware/virtual-interrupt-delivery.js';
import { wrmsr } from '../hardware/wrmsr.js';
import { apicEoi, apicSelfIpi } from './apic-driver.js';
import { guest, guestLine, guestMemory } from './machine.js';
import { onCpu } from './smp.js';

const { program, stage, glue, until } = guest;

/** The vector of the tests' own interrupts: self-IPIs and the timer. kvm-unit-tests `IPI_TEST_VECTOR`, `TSC_DEADLINE_TIMER_VECTOR`. */
export const testVector = 0xef;

/** Its handler: counts, writes EOI. kvm-unit-tests `x86/vmexit.c`, `self_ipi_isr` and `tsc_deadline_timer_isr`. */
export const testIsr = program('test_isr', () => ({}), [
  stage('save-registers', 'guestHandlerEntry', local, () => {}),
  stage(
    'count',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.handled = 1;
      notify(m, memory.handledChannel);
    },
    { line: guestLine },
  ),
  glue('eoi', (m, cpu) => {
    apicEoi(m, cpu);
  }),
  stage('iretq', 'iret', shared, (m, cpu) => {
    iret(m, cpu);
  }),
]);

/** `ipi`: a function call on the target. */
const ipi = program('ipi_body', () => ({ target: 0 }), [
  glue('on_cpu', (m, cpu, f) => {
    call(m, cpu, onCpu).target = f.target;
  }),
]);

/** `ipi_halt`: the same, then 2,000 cycles in which the target can halt. */
const ipiHalt = program('ipi_halt_body', () => ({ target: 0 }), [
  glue('on_cpu', (m, cpu, f) => {
    call(m, cpu, onCpu).target = f.target;
  }),
  stage('delay', 'guestLoop', local, () => {}, { work: () => 2000 }),
]);

const clear = stage('clear', 'guestStores', shared, (m, cpu, _f: { target: number }) => {
  guestMemory(m, cpu).handled = 0;
});

/** `self_ipi_sti_nop`: with interrupts off a self-IPI, which the STI lets in. */
const selfIpiStiNop = program('self_ipi_sti_nop_body', () => ({ target: 0 }), [
  clear,
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('apic_self_ipi', (m, cpu) => apicSelfIpi(m, cpu, testVector)),
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage('nop', 'guestFlag', shared, () => {}),
  stage('test', 'guestLoads', shared, () => {}),
]);

/** `self_ipi_sti_hlt`: the same with HLT behind the STI. */
const selfIpiStiHlt = program('self_ipi_sti_hlt_body', () => ({ target: 0 }), [
  clear,
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('apic_self_ipi', (m, cpu) => apicSelfIpi(m, cpu, testVector)),
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('test', 'guestLoads', shared, () => {}),
]);

/** `self_ipi_tpr`: the TPR holds the self-IPI back until it is lowered. */
const selfIpiTpr = program('self_ipi_tpr_body', () => ({ target: 0 }), [
  clear,
  glue('raise-tpr', (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 0xf;
  }),
  glue('apic_self_ipi', (m, cpu) => apicSelfIpi(m, cpu, testVector)),
  glue('lower-tpr', (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 0;
  }),
  stage('nop', 'guestFlag', shared, () => {}),
  stage('test', 'guestLoads', shared, () => {}),
]);

/** `tscdeadline_immed`: a deadline that has come when it is written. */
const tscdeadlineImmed = program('tscdeadline_immed_body', () => ({ target: 0 }), [
  clear,
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('wrmsr', (m, cpu, _f, now) => writeDeadline(m, cpu, now)),
  stage('nop', 'guestFlag', shared, () => {}),
  until('wait', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
  }),
]);

/** `tscdeadline`: a deadline 3,000 cycles ahead, waited for in a loop. */
const tscdeadline = program('tscdeadline_body', () => ({ target: 0 }), [
  clear,
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('wrmsr', (m, cpu, _f, now) => writeDeadline(m, cpu, now + 3000)),
  until('wait', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
  }),
]);

function writeDeadline(
  machine: Parameters<typeof apicEoi>[0],
  processor: Parameters<typeof apicEoi>[1],
  deadline: number,
): undefined {
  const write = call(machine, processor, wrmsr);
  write.msr = 0x6e0;
  write.low = deadline >>> 0;
  write.high = Math.floor(deadline / 2 ** 32);
}

const cpuidBody = program('cpuid_body', () => ({ target: 0 }), [
  glue('cpuid', (m, cpu) => {
    call(m, cpu, cpuid);
  }),
]);

const vmcallBody = program('vmcall_body', () => ({ target: 0 }), [
  glue('vmcall', (m, cpu) => {
    call(m, cpu, vmcall).number = 0xffff_ffff;
  }),
]);

const movToCr8Body = program('mov_to_cr8_body', () => ({ target: 0 }), [
  glue('mov', (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 0;
  }),
]);

const movFromCr8Body = program('mov_from_cr8_body', () => ({ target: 0 }), [
  glue('mov', (m, cpu) => {
    call(m, cpu, movFromCr8Instruction);
  }),
]);

/** A test of kvm-unit-tests' `x86/vmexit.c`. */
export interface VmexitTest {
  /** What one iteration does; its operand is the APIC ID of the target. */
  readonly body: Routine<{ target: number }>;
  /** 1 if it sends to another virtual CPU. */
  readonly usesTarget: boolean;
}

/** The tests by their own names. To add one: a routine for an iteration, and a line here. */
export const vmexitTests = {
  ipi: { body: ipi, usesTarget: true },
  ipi_halt: { body: ipiHalt, usesTarget: true },
  self_ipi_sti_nop: { body: selfIpiStiNop, usesTarget: false },
  self_ipi_sti_hlt: { body: selfIpiStiHlt, usesTarget: false },
  self_ipi_tpr: { body: selfIpiTpr, usesTarget: false },
  tscdeadline_immed: { body: tscdeadlineImmed, usesTarget: false },
  tscdeadline: { body: tscdeadline, usesTarget: false },
  cpuid: { body: cpuidBody, usesTarget: false },
  vmcall: { body: vmcallBody, usesTarget: false },
  mov_to_cr8: { body: movToCr8Body, usesTarget: false },
  mov_from_cr8: { body: movFromCr8Body, usesTarget: false },
} as const satisfies Record<string, VmexitTest>;

/** The name of a test. */
export type VmexitTestName = keyof typeof vmexitTests;

/** The names of the tests. */
export const vmexitTestNames = Object.keys(vmexitTests) as [VmexitTestName, ...VmexitTestName[]];

const bodies = Object.values(vmexitTests).map(({ body }) => body);

/** The number by which {@link vmexitLoop} knows a test. */
export function vmexitTestNumber(name: VmexitTestName): number {
  return vmexitTestNames.indexOf(name);
}

/**
 * The measuring loop of kvm-unit-tests `x86/vmexit.c` (`do_test`) around a test. One iteration is one record of kind
 * {@link Record.iteration}.
 */
export const vmexitLoop = program('do_test', () => ({ test: 0, target: 0, iterations: 0, iteration: 0 }), [
  glue('begin', (m, _cpu, f) => {
    observe(m, Record.iteration, f.iteration, 1);
  }),
  glue('test', (m, cpu, f) => {
    call(m, cpu, bodies[f.test] as Routine<{ target: number }>).target = f.target;
  }),
  stage(
    'loop',
    'guestLoop',
    local,
    (m, _cpu, f) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      return f.iteration < f.iterations ? 'begin' : done;
    },
    { to: ['begin'] },
  ),
]);
