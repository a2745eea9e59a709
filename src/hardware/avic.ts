import { ApicMode } from '../arch/apic-mode.js';
import {
  AvicExit,
  avicEoi,
  avicIpiType,
  avicReadAllowed,
  avicSetIrr,
  avicWriteOf,
  IncompleteIpi,
} from '../arch/avic.js';
import { type AvicTables, avicDestinations } from '../arch/avic-tables.js';
import { highestBit, testBit } from '../arch/bits256.js';
import { Secondary } from '../arch/controls.js';
import { evaluatePendingVirtualInterrupts } from '../arch/evaluation.js';
import { setRvi } from '../arch/guest-interrupt-status.js';
import { updateProcessorPriority } from '../arch/local-apic/priority.js';
import type { VmExit } from '../arch/outcome.js';
import { loadWord, storeWord } from '../arch/virtual-apic-page.js';
import { call } from '../engine/frames.js';
import { costKey, notify, observe, send } from '../engine/requests.js';
import { type Control, done, shared } from '../engine/routine.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor, type VirtualCpu } from './machine.js';
import { Record } from './records.js';
import { vmExit } from './vm-exit.js';

const { microcode, stage, glue } = hardware;

/** The message of a doorbell: the core looks at its guest's IRR again. Fixed interrupts are their vectors, 0-255. */
export const doorbellMessage = 0x101;
const flight = costKey('doorbellFlight');

/** AVIC as it is in the VMCB: enabled (`int_ctl`, AVIC_ENABLE) or not. */
function hasAvic(vcpu: VirtualCpu): boolean {
  return vcpu.avic === 1;
}

/** The controls that stand for what the AVIC enable bit does: hardware looks at IRR, and completes EOI. */
export const avicControls = Secondary.virtualInterruptDelivery | Secondary.apicRegisterVirtualization;

/** Doorbell: WRMSR of C001_011BH, or microcode. It arrives after its flight; a core that runs another guest or none ignores it. */
export function sendDoorbell(machine: HardwareMachine, hostApicId: number): void {
  if (hostApicId < machine.processors.length) send(machine, hostApicId, doorbellMessage, flight);
}

/** The core looks at the backing page: the highest request above the priority becomes deliverable. On VMRUN, doorbell, EOI and writes of TPR. */
export function avicEvaluate(vcpu: VirtualCpu): void {
  updateProcessorPriority(vcpu.page);
  const highest = highestBit(vcpu.page.irr);
  setRvi(vcpu.vmcs, highest < 0 ? 0 : highest);
  evaluatePendingVirtualInterrupts(vcpu);
}

/** A doorbell arrives. */
export function doorbell(machine: HardwareMachine, processor: LogicalProcessor): void {
  if (processor.nonRoot === 0) return;
  const vcpu = currentVcpu(machine, processor);
  if (!hasAvic(vcpu)) return;
  avicEvaluate(vcpu);
  processor.attention = 1;
}

/** VMRUN: TPR comes from V_TPR, the copy in the VMCB, and IRR is looked at. */
export function enterAvic(vcpu: VirtualCpu): void {
  vcpu.page.tpr = (vcpu.page.tpr & 0xf) | (vcpu.vTpr << 4);
  if (hasAvic(vcpu)) avicEvaluate(vcpu);
}

function tablesOf(machine: HardwareMachine, vcpu: VirtualCpu): AvicTables {
  return machine.avicTables[vcpu.vm] as AvicTables;
}

function incomplete(machine: HardwareMachine, processor: LogicalProcessor, f: Ipi, cause: number): undefined {
  const vcpu = currentVcpu(machine, processor);
  vcpu.exit.low = f.low;
  vcpu.exit.high = f.destination;
  const index = Math.max(0, f.index) & 0xffff;
  vmExit(machine, processor, exitOf(AvicExit.incompleteIpi, cause * 0x1_0000 + index, true));
}

function exitOf(reason: number, qualification: number, trapLike: boolean): VmExit {
  return { kind: 'exit', reason: reason as VmExit['reason'], qualification, trapLike };
}

interface Ipi {
  low: number;
  destination: number;
  next: number;
  target: number;
  notRunning: number;
  index: number;
}

/** The next target, -1 after the last. The tables are changed by load and put only, which do not add or take away entries. */
function nextTarget(machine: HardwareMachine, processor: LogicalProcessor, f: Ipi): number {
  const { targets } = destinationsOf(machine, processor, f);
  return targets[f.next] ?? -1;
}

function destinationsOf(machine: HardwareMachine, processor: LogicalProcessor, f: Ipi) {
  const vcpu = currentVcpu(machine, processor);
  const x2apic = vcpu.x2avic === 1;
  const mode = x2apic ? ApicMode.x2apic : ApicMode.xapic;
  return avicDestinations(
    tablesOf(machine, vcpu),
    { mode, index: vcpu.avicIndex, dfr: vcpu.page.dfr },
    f.low,
    f.destination,
  );
}

function targetVcpu(machine: HardwareMachine, processor: LogicalProcessor, f: Ipi): VirtualCpu | undefined {
  const entry = tablesOf(machine, currentVcpu(machine, processor)).physical[f.target];
  return entry === undefined ? undefined : machine.vcpus[entry.backingPage];
}

function backingPageLine(machine: HardwareMachine, processor: LogicalProcessor, f: Ipi): number {
  return targetVcpu(machine, processor, f)?.descriptorLine ?? -1;
}

/**
 * An ICR write with AVIC: looks up whom it addresses, and for each sets IRR in the backing page, then reads IsRunning, then rings the
 * doorbell of a core that runs the target. An entry that is not valid exits before anything is sent; a target that does not run exits
 * after everything is. APM vol. 2, 15.29.6, "IPI Virtualization".
 *
 * On family 17H (erratum 1235) the core may see IsRunning as it was before IRR was set.
 */
export const avicIpi = microcode(
  'avic-ipi',
  () => ({ low: 0, destination: 0, next: 0, target: -1, notRunning: 0, index: -1 }),
  [
    stage('decode', 'avicDecode', shared, (m, cpu, f) => {
      const cause = avicIpiType(f.low);
      if (cause >= 0) return incomplete(m, cpu, f, cause);
      const { invalid } = destinationsOf(m, cpu, f);
      if (invalid >= 0) {
        f.index = invalid;
        return incomplete(m, cpu, f, IncompleteIpi.invalidTarget);
      }
      return undefined;
    }),
    glue(
      'next-target',
      (m, cpu, f) => {
        f.target = nextTarget(m, cpu, f);
        f.next++;
        return f.target < 0 ? 'complete' : undefined;
      },
      { to: ['complete'] },
    ),
    stage(
      'set-irr',
      'avicSetIrr',
      shared,
      (m, cpu, f) => {
        const target = targetVcpu(m, cpu, f);
        if (target === undefined) return;
        const vector = f.low & 0xff;
        observe(m, testBit(target.page.irr, vector) ? Record.coalesced : Record.posted, target.id, vector);
        avicSetIrr(target.page, vector);
        notify(m, target.channel);
      },
      { line: backingPageLine },
    ),
    stage(
      'read-is-running',
      'avicReadIsRunning',
      shared,
      (m, cpu, f) => {
        const entry = tablesOf(m, currentVcpu(m, cpu)).physical[f.target];
        if (entry?.isRunning === 1) return undefined;
        f.notRunning = 1;
        if (f.index < 0) f.index = f.target;
        return 'next-target';
      },
      { to: ['next-target'] },
    ),
    stage(
      'doorbell',
      'avicDoorbell',
      shared,
      (m, cpu, f) => {
        const vcpu = currentVcpu(m, cpu);
        const entry = tablesOf(m, vcpu).physical[f.target];
        if (f.target === vcpu.avicIndex) {
          avicEvaluate(vcpu);
          cpu.attention = 1;
        } else if (entry !== undefined) sendDoorbell(m, entry.hostApicId);
        return 'next-target';
      },
      { to: ['next-target'] },
    ),
    stage('complete', 'avicDecode', shared, (m, cpu, f) => {
      if (f.notRunning === 1) return incomplete(m, cpu, f, IncompleteIpi.targetNotRunning);
      return done;
    }),
  ],
);

function sendIcr(machine: HardwareMachine, processor: LogicalProcessor, vcpu: VirtualCpu): undefined {
  const ipi = call(machine, processor, avicIpi);
  ipi.low = vcpu.page.icrLow;
  ipi.destination = vcpu.x2avic === 1 ? vcpu.page.icrHigh : vcpu.page.icrHigh >>> 24;
}

function unaccelerated(
  machine: HardwareMachine,
  processor: LogicalProcessor,
  offset: number,
  write: number,
  vector: number,
  trapLike: boolean,
): undefined {
  const { exit } = currentVcpu(machine, processor);
  exit.access = write === 1 ? 2 : 1;
  exit.offset = offset;
  exit.high = vector;
  vmExit(machine, processor, exitOf(AvicExit.unacceleratedAccess, offset, trapLike));
}

/**
 * A write to a register with AVIC, by a store to the backing page or (x2AVIC) by an MSR that is not intercepted. APM vol. 2, 15.29.3.1,
 * "Virtual APIC Register Accesses". The stage that calls it retires the instruction with what it returns.
 */
export function avicWrite(
  machine: HardwareMachine,
  processor: LogicalProcessor,
  offset: number,
  low: number,
  high = 0,
): Control {
  const vcpu = currentVcpu(machine, processor);
  const { page } = vcpu;
  processor.attention = 1;
  switch (avicWriteOf(offset)) {
    case 'accelerated':
      if (offset === 0x3f0) {
        page.icrLow = 0x4_0000 | (low & 0xff);
        return sendIcr(machine, processor, vcpu);
      }
      storeWord(page, offset, low);
      if (offset === 0x80) avicEvaluate(vcpu);
      return 0;
    case 'icr':
      page.icrLow = low;
      if (vcpu.x2avic === 1) page.icrHigh = high;
      return sendIcr(machine, processor, vcpu);
    case 'eoi': {
      const highest = highestBit(page.isr);
      const level = avicEoi(page);
      if (level >= 0) return unaccelerated(machine, processor, offset, 1, level, true);
      if (highest >= 0) observe(machine, Record.endOfInterrupt, vcpu.id, highest);
      avicEvaluate(vcpu);
      return 0;
    }
    case 'trap':
      storeWord(page, offset, low);
      return unaccelerated(machine, processor, offset, 1, 0, true);
    default:
      vcpu.exit.low = low;
      return unaccelerated(machine, processor, offset, 1, 0, false);
  }
}

/** A read of a register with AVIC: from the backing page, or an exit. */
export function avicRead(machine: HardwareMachine, processor: LogicalProcessor, offset: number): Control {
  if (!avicReadAllowed(offset)) return unaccelerated(machine, processor, offset, 0, 0, false);
  return loadWord(currentVcpu(machine, processor).page, offset);
}
