import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, local, type Routine, shared } from '../engine/routine.js';
import { cacheInvalidation, deviceWrite, portAccess } from '../hardware/device-access.js';
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
import type { LogicalProcessor } from '../hardware/machine.js';
import { Record } from '../hardware/records.js';
import { rdmsr } from '../hardware/wrmsr.js';
import { Bar, DeviceMemory } from '../kvm/device-emulation.js';
import { apicSelfIpi, x2apicSelfIpi } from './apic-driver.js';
import { eoi, iretq, saveRegisters, setHandled, waitForHandler } from './interrupt-handler.js';
import { type GuestMachine, guest, guestLine, guestMemory } from './machine.js';
import { writeMsr } from './msr.js';
import { pleRoundRobin, pleRoundRobinLoop } from './ple-round-robin.js';
import { onCpu } from './smp.js';

const { program, stage, glue } = guest;

/** The vector of the tests' own interrupts: self-IPIs and the timer. kvm-unit-tests `IPI_TEST_VECTOR`, `TSC_DEADLINE_TIMER_VECTOR`. */
export const testVector = 0xef;

const tscAdjustMsr = 0x3b;

/** Its handler: counts, writes EOI. kvm-unit-tests `x86/vmexit.c`, `self_ipi_isr` and `tsc_deadline_timer_isr`. */
export const testIsr = program('test_isr', () => ({}), [
  saveRegisters,
  stage('count', 'guestStores', shared, setHandled, { line: guestLine }),
  eoi,
  iretq,
]);

/** `ipi`: a function call on the target. */
const ipi = program('ipi_body', () => ({ target: 0 }), [
  glue('on_cpu', (m, cpu, f) => {
    observe(m, Record.callMade, guestMemory(m, cpu).ipiData);
    call(m, cpu, onCpu).target = f.target;
  }),
]);

/** `ipi_halt`: the same, then 2,000 cycles in which the target can halt. */
const ipiHalt = program('ipi_halt_body', () => ({ target: 0 }), [
  glue('on_cpu', (m, cpu, f) => {
    observe(m, Record.callMade, guestMemory(m, cpu).ipiData);
    call(m, cpu, onCpu).target = f.target;
  }),
  stage('delay', 'guestLoop', local, () => {}, { work: () => 2000 }),
]);

const clear = stage('clear', 'guestStores', shared, (m, cpu, _f: { target: number }) => {
  guestMemory(m, cpu).handled = 0;
});

/** How a self-IPI test sends, what holds the IPI back, and what lets it in. */
interface SelfIpiTest {
  /** By the x2APIC's register for it, and not by the ICR with shorthand self. */
  readonly register: boolean;
  readonly tpr: boolean;
  /** What follows STI; nothing if interrupts are on all the time. */
  readonly sti: 'nop' | 'hlt' | 'none';
}

/** The self-IPI tests: held back by RFLAGS.IF, by TPR or by both, and let in by STI before a NOP or a HLT, or by TPR alone. */
function selfIpiTest(name: string, { register, tpr, sti: follows }: SelfIpiTest): Routine<{ target: number }> {
  type L = { target: number };
  const setTpr = (element: string, value: number) =>
    glue(element, (m, cpu, _f: L) => {
      call(m, cpu, movToCr8Instruction).value = value;
    });
  const stages = [
    ...(register ? [] : [clear]),
    ...(follows === 'none' ? [] : [stage('cli', 'guestFlag', shared, (m, cpu, _f: L) => cli(m, cpu))]),
    ...(tpr ? [setTpr('raise-tpr', 0xf)] : []),
    register
      ? glue('x2apic_self_ipi', (m, cpu, _f: L) => x2apicSelfIpi(m, cpu, testVector))
      : glue('apic_self_ipi', (m, cpu, _f: L) => apicSelfIpi(m, cpu, testVector)),
    ...(tpr ? [setTpr('lower-tpr', 0)] : []),
    ...(follows === 'none' ? [] : [stage('sti', 'guestFlag', shared, (m, cpu, _f: L) => sti(m, cpu))]),
    follows === 'hlt'
      ? glue('hlt', (m, cpu, _f: L) => {
          call(m, cpu, hlt);
        })
      : stage('nop', 'guestFlag', shared, (_m, _cpu, _f: L) => {}),
    stage('test', 'guestLoads', shared, (_m, _cpu, _f: L) => {}),
  ];
  return program(`${name}_body`, () => ({ target: 0 }), stages);
}

/** Their names: a prefix for the way of sending, and what they do. */
const selfIpiTests = {
  self_ipi_sti_nop: { register: false, tpr: false, sti: 'nop' },
  self_ipi_sti_hlt: { register: false, tpr: false, sti: 'hlt' },
  self_ipi_tpr: { register: false, tpr: true, sti: 'none' },
  self_ipi_tpr_sti_nop: { register: false, tpr: true, sti: 'nop' },
  self_ipi_tpr_sti_hlt: { register: false, tpr: true, sti: 'hlt' },
  x2apic_self_ipi_sti_nop: { register: true, tpr: false, sti: 'nop' },
  x2apic_self_ipi_sti_hlt: { register: true, tpr: false, sti: 'hlt' },
  x2apic_self_ipi_tpr: { register: true, tpr: true, sti: 'none' },
  x2apic_self_ipi_tpr_sti_nop: { register: true, tpr: true, sti: 'nop' },
  x2apic_self_ipi_tpr_sti_hlt: { register: true, tpr: true, sti: 'hlt' },
} as const satisfies Record<string, SelfIpiTest>;
type SelfIpiTestName = keyof typeof selfIpiTests;

/** `tscdeadline_immed`: a deadline that has come when it is written. */
const tscdeadlineImmed = program('tscdeadline_immed_body', () => ({ target: 0 }), [
  clear,
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('wrmsr', (m, cpu, _f, now) => writeDeadline(m, cpu, now)),
  stage('nop', 'guestFlag', shared, () => {}),
  waitForHandler,
]);

/** `tscdeadline`: a deadline 3,000 cycles ahead, waited for in a loop. */
const tscdeadline = program('tscdeadline_body', () => ({ target: 0 }), [
  clear,
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('wrmsr', (m, cpu, _f, now) => writeDeadline(m, cpu, now + 3000)),
  waitForHandler,
]);

function writeDeadline(machine: GuestMachine, processor: LogicalProcessor, deadline: number): undefined {
  writeMsr(machine, processor, 0x6e0, deadline >>> 0, Math.floor(deadline / 2 ** 32));
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

/** A body that is one access to a device, by the numbers that a test gives it. */
const portBody = (name: string, port: number, size: number, input: 0 | 1) =>
  program(`${name}_body`, () => ({ target: 0 }), [
    glue('in-out', (m, cpu) => {
      const access = call(m, cpu, portAccess);
      access.port = port;
      access.size = size;
      access.input = input;
    }),
  ]);
const memoryBody = (name: string, offset: number) =>
  program(`${name}_body`, () => ({ target: 0 }), [
    glue('mov', (m, cpu) => {
      call(m, cpu, deviceWrite).offset = offset;
    }),
  ]);
const cacheBody = (name: string, writeBack: 0 | 1) =>
  program(`${name}_body`, () => ({ target: 0 }), [
    glue('wbinvd', (m, cpu) => {
      call(m, cpu, cacheInvalidation).writeBack = writeBack;
    }),
  ]);
const msrBody = (name: string, msr: number) =>
  program(`${name}_body`, () => ({ target: 0 }), [glue('wrmsr', (m, cpu) => writeMsr(m, cpu, msr, 0))]);

/** What KVM lets the guest do itself: a body of so many instructions that do not exit. */
const nativeBody = (name: string, key: string, times: number) =>
  program(
    `${name}_body`,
    () => ({ target: 0 }),
    Array.from({ length: times }, (_, index) =>
      stage(`instruction-${index}`, key, local, (_m, _cpu, _f: { target: number }) => {}),
    ),
  );

const rdTscAdjust = program('rd_tsc_adjust_msr_body', () => ({ target: 0 }), [
  glue('rdmsr', (m, cpu) => {
    call(m, cpu, rdmsr).msr = tscAdjustMsr;
  }),
]);

const accesses = {
  wbinvd: cacheBody('wbinvd', 1),
  invd: cacheBody('invd', 0),
  // The ACPI timer is a device of the monitor's, like a port that nobody has.
  inl_from_pmtimer: portBody('inl_from_pmtimer', 0x608, 4, 1),
  inl_from_qemu: portBody('inl_from_qemu', 0x1234, 4, 1),
  inl_from_kernel: portBody('inl_from_kernel', 0x4d0, 1, 1),
  outl_to_kernel: portBody('outl_to_kernel', 0x4d0, 1, 0),
  mov_dr: nativeBody('mov_dr', 'debugRegisterWrite', 1),
  wr_kernel_gs_base: nativeBody('wr_kernel_gs_base', 'nativeMsrWrite', 1),
  wr_tsx_ctrl_msr: msrBody('wr_tsx_ctrl_msr', 0x122),
  wr_ibrs_msr: nativeBody('wr_ibrs_msr', 'specCtrlPair', 1),
  wr_ibpb_msr: nativeBody('wr_ibpb_msr', 'branchPredictorBarrier', 1),
  wr_tsc_adjust_msr: msrBody('wr_tsc_adjust_msr', tscAdjustMsr),
  rd_tsc_adjust_msr: rdTscAdjust,
  toggle_cr4_pge: nativeBody('toggle_cr4_pge', 'controlRegisterWrite', 2),
  'mmio-no-eventfd:pci-mem': memoryBody('mmio-no-eventfd', DeviceMemory.none),
  'mmio-wildcard-eventfd:pci-mem': memoryBody('mmio-wildcard-eventfd', DeviceMemory.wildcard),
  'mmio-datamatch-eventfd:pci-mem': memoryBody('mmio-datamatch-eventfd', DeviceMemory.datamatch),
  'portio-no-eventfd:pci-io': portBody('portio-no-eventfd', Bar.none, 1, 0),
  'portio-wildcard-eventfd:pci-io': portBody('portio-wildcard-eventfd', Bar.wildcard, 1, 0),
  'portio-datamatch-eventfd:pci-io': portBody('portio-datamatch-eventfd', Bar.datamatch, 1, 0),
} as const;

/** Tests that are not modelled, and why. */
export const otherVmexitTests: Readonly<Record<string, string>> = {
  toggle_cr0_wp: "most of it is KVM's MMU, which is not modelled",
};

/** A test of kvm-unit-tests' `x86/vmexit.c`. */
export interface VmexitTest {
  /** What one iteration does; its operand is the APIC ID of the target. */
  readonly body: Routine<{ target: number }>;
  /** 1 if it sends to another virtual CPU. */
  readonly usesTarget: boolean;
  /** True if it uses what only x2APIC mode has. */
  readonly needsX2apic?: boolean;
  /** What all other virtual CPUs run, if that is part of the test. */
  readonly others?: Routine<{ iterations: number }>;
}

const deviceTests = Object.fromEntries(
  Object.entries(accesses).map(([name, body]) => [name, { body, usesTarget: false }]),
) as unknown as Record<keyof typeof accesses, VmexitTest>;

const selfIpis = Object.fromEntries(
  Object.entries(selfIpiTests).map(([name, test]) => [
    name,
    { body: selfIpiTest(name, test), usesTarget: false, needsX2apic: test.register },
  ]),
) as unknown as Record<SelfIpiTestName, VmexitTest>;

/** The tests by their own names. To add one: a routine for an iteration, and a line here. */
export const vmexitTests = {
  ipi: { body: ipi, usesTarget: true },
  ipi_halt: { body: ipiHalt, usesTarget: true },
  ...selfIpis,
  tscdeadline_immed: { body: tscdeadlineImmed, usesTarget: false },
  tscdeadline: { body: tscdeadline, usesTarget: false },
  cpuid: { body: cpuidBody, usesTarget: false },
  vmcall: { body: vmcallBody, usesTarget: false },
  mov_to_cr8: { body: movToCr8Body, usesTarget: false },
  ple_round_robin: {
    body: pleRoundRobin,
    usesTarget: false,
    others: pleRoundRobinLoop,
  },
  mov_from_cr8: { body: movFromCr8Body, usesTarget: false },
  ...deviceTests,
} as const satisfies Record<string, VmexitTest>;

/** The name of a test. */
export type VmexitTestName = keyof typeof vmexitTests;

/** The names of the tests. */
export const vmexitTestNames = Object.keys(vmexitTests) as [VmexitTestName, ...VmexitTestName[]];

/** Tests that say something of the way of exits and interrupts: what the others take is up to devices, the monitor, or other parts of the processor. */
export const interruptTestNames: readonly VmexitTestName[] = vmexitTestNames.filter((name) => !(name in accesses));

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
  glue('begin', (m, cpu, f) => {
    // What the function is given, so that it can be told which call it was.
    guestMemory(m, cpu).ipiData = f.iteration;
    observe(m, Record.iteration, f.iteration, 1);
  }),
  glue('test', (m, cpu, f) => {
    call(m, cpu, bodies[f.test] as Routine<{ target: number }>).target = f.target;
  }),
  stage(
    'loop',
    'guestTestLoop',
    local,
    (m, _cpu, f) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      return f.iteration < f.iterations ? 'begin' : done;
    },
    { to: ['begin'] },
  ),
]);
