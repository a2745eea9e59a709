import { notation } from '../engine/routine.js';
import type { HardwareMachine, LogicalProcessor, VirtualCpu } from '../hardware/machine.js';
import type { ParavirtMemory } from '../kvm/paravirt.js';
import type { LinuxCpu, LinuxGuest } from './linux/state.js';

/** The memory of a kvm-unit-tests guest that its processors share: the variables of `lib/x86/smp.c`. */
export interface UnitTestMemory {
  ipiLock: number;
  ipiFunction: number;
  ipiData: number;
  ipiDone: number;
  ipiWait: number;
  activeCpus: number;
  /** The cache line that holds them: they are small static variables that the linker puts side by side. */
  line: number;
  /** Notified when `ipiDone` changes. */
  doneChannel: number;
  /** How often the handler of {@link testVector} has run, for the tests that wait for it. */
  handled: number;
  /** Notified when it has. */
  handledChannel: number;
  /** By virtual CPU: whom its next IPI to several is for. */
  ipiMask: number[][];
  /** The processors of the guest, and whose turn it is where they take turns. */
  processors: number;
  turn: number;
  /** Its timer program, if it runs one. */
  timer: TimerTest;
  /** General-protection faults that its handler has seen. */
  faults: number;
  /** The device whose interrupts it handles: its timer (-1 for none) and interval, interrupts handled and in all; 1 for a line. */
  device: { timer: number; interval: number; handled: number; total: number; line: number };
  /** 1 if the guest uses the local APIC in x2APIC mode. */
  x2apic: number;
  /** 1 if it writes MSRs by the instruction that has their number in it. */
  msrImmediate: number;
  /** How it addresses IPIs: `AddressMode`. */
  addressMode: number;
}

/** What a timer program keeps. Times are TSC cycles. */
export interface TimerTest {
  /** `TimerProgram`. */
  program: number;
  /** From one expiry to the next, and the initial count that stands for it. */
  interval: number;
  count: number;
  /** When the timer is due next. */
  deadline: number;
  /** Expiries that were seen, and how many there are to be. */
  expiries: number;
  total: number;
}

/** The machine as guest programs know it. */
export interface GuestMachine extends HardwareMachine {
  /** Its virtual CPUs, with their numbers within their guest. */
  vcpus: (VirtualCpu & { vcpuId: number })[];
  /** One per VM. */
  guests: UnitTestMemory[];
  /** By virtual CPU: what it shares with the hypervisor. */
  paravirt: ParavirtMemory[];
  /** One per VM; without CPUs where the guest is not Linux. */
  linux: LinuxGuest[];
}

/** The notation of this room's routines. */
export const guest = notation<GuestMachine, LogicalProcessor>();

/** The shared memory of the guest that a processor runs. */
export function guestMemory(machine: GuestMachine, processor: LogicalProcessor): UnitTestMemory {
  return machine.guests[machine.vcpus[processor.vcpu]?.vm ?? -1] as UnitTestMemory;
}

/** Its cache line. */
export function guestLine(machine: GuestMachine, processor: LogicalProcessor): number {
  return guestMemory(machine, processor).line;
}

/** The Linux guest that a processor runs. */
export function linuxGuest(machine: GuestMachine, processor: LogicalProcessor): LinuxGuest {
  return machine.linux[machine.vcpus[processor.vcpu]?.vm ?? -1] as LinuxGuest;
}

/** The number, within its guest, of the Linux CPU that a processor runs. Linux `smp_processor_id`. */
export function cpuNumber(machine: GuestMachine, processor: LogicalProcessor): number {
  return processor.vcpu - linuxGuest(machine, processor).firstVcpu;
}

/** The Linux CPU that a processor runs. Linux `this_cpu_ptr`. */
export function thisCpu(machine: GuestMachine, processor: LogicalProcessor): LinuxCpu {
  const guest = linuxGuest(machine, processor);
  return guest.cpus[processor.vcpu - guest.firstVcpu] as LinuxCpu;
}

/** Another CPU of the same guest. Linux `per_cpu_ptr`. */
export function cpuOf(machine: GuestMachine, processor: LogicalProcessor, number: number): LinuxCpu {
  return linuxGuest(machine, processor).cpus[number] as LinuxCpu;
}
