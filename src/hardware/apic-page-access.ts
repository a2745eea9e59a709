import { beginApicWrite, virtualizeApicRead } from '../arch/apic-access.js';
import { ExitReason } from '../arch/exit-reason.js';
import type { Outcome, VmExit } from '../arch/outcome.js';
import { call } from '../engine/frames.js';
import { type Control, local, shared } from '../engine/routine.js';
import { avicRead, avicWrite } from './avic.js';
import { ipiVirtualization } from './ipi-virtualization.js';
import {
  ApicPageMapping,
  currentVcpu,
  type HardwareMachine,
  hardware,
  type LogicalProcessor,
  type VirtualCpu,
} from './machine.js';
import { carryOut } from './outcome.js';
import { endOfInterrupt, selfIpi } from './virtualized-write.js';

const { instruction, stage } = hardware;

/**
 * The exit qualification of an EPT violation by a data read or write through a linear address (bits 7 and 8) where nothing is mapped. SDM
 * vol. 3C, "Exit Qualification for EPT Violations".
 */
const violationBy = { read: 0x181, write: 0x182 } as const;

/**
 * The exit that EPT makes of an access, or undefined if the page is mapped: only then does its address compare with the APIC-access
 * address, whatever the controls say. SDM vol. 3C, "APIC-Access VM Exits" and "EPT-Induced VM Exits".
 */
function eptExit(machine: HardwareMachine, vcpu: VirtualCpu, kind: number): VmExit | undefined {
  const mapping = machine.apicPageMapping[vcpu.vm];
  if (mapping === ApicPageMapping.accessPage) return undefined;
  if (mapping === ApicPageMapping.misconfigured) {
    return { kind: 'exit', reason: ExitReason.EptMisconfig, qualification: 0, trapLike: false };
  }
  const qualification = kind === 1 ? violationBy.read : violationBy.write;
  return { kind: 'exit', reason: ExitReason.EptViolation, qualification, trapLike: false };
}

/** Notes the operands, which software that emulates the access reads from the instruction, and carries out the outcome. */
function access(
  machine: HardwareMachine,
  processor: LogicalProcessor,
  outcome: Outcome,
  offset: number,
  value: number,
  kind: number,
): Control {
  const vcpu = currentVcpu(machine, processor);
  if (outcome.kind === 'completed' || outcome.kind === 'data') return carryOut(machine, processor, outcome);
  // Without "virtualize APIC accesses" the mapped page is memory like any other, which nobody else looks at.
  if (outcome.kind === 'passthrough') return 0;
  vcpu.exit.access = kind;
  vcpu.exit.offset = offset;
  vcpu.exit.low = value;
  return carryOut(machine, processor, outcome);
}

/**
 * A 32-bit load from the APIC-access page in VMX non-root operation. SDM vol. 3C, "Virtualizing Reads from the APIC-Access Page".
 */
export const apicPageRead = instruction(
  'apic-page-read',
  () => ({ offset: 0 }),
  [],
  [
    // Another processor may unmap the page at any time.
    stage('access', 'apicPageAccess', shared, (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.avic === 1) return avicRead(m, cpu, f.offset);
      const outcome = eptExit(m, vcpu, 1) ?? virtualizeApicRead(vcpu, f.offset, 4);
      return access(m, cpu, outcome, f.offset, 0, 1);
    }),
  ],
);

/** The destination shorthand "self" in bits 19:18 of the ICR. */
const selfShorthand = 0x4_0000;

function write(machine: HardwareMachine, processor: LogicalProcessor, offset: number, value: number): Control {
  const vcpu = currentVcpu(machine, processor);
  if (vcpu.avic === 1) return avicWrite(machine, processor, offset, value);
  const outcome = eptExit(machine, vcpu, 2) ?? beginApicWrite(vcpu, offset, 4, value);
  processor.attention = 1;
  if (outcome !== 'ipi-virtualization') return access(machine, processor, outcome, offset, value, 2);
  const ipi = call(machine, processor, ipiVirtualization);
  ipi.vector = vcpu.page.icrLow & 0xff;
  ipi.destination = vcpu.page.icrHigh >>> 24;
  return undefined;
}

/**
 * A 32-bit store to the APIC-access page in VMX non-root operation, with its APIC-write emulation. SDM vol. 3C, "Virtualizing Writes
 * to the APIC-Access Page" and "APIC-Write Emulation".
 */
export const apicPageWrite = instruction(
  'apic-page-write',
  () => ({ offset: 0, value: 0 }),
  [],
  [
    stage(
      'translate',
      'apicPageAccess',
      local,
      (_m, _cpu, f) => (f.offset === 0xb0 ? 'eoi-virtualization' : undefined),
      {
        to: ['eoi-virtualization'],
      },
    ),
    stage('store', 'vicrWrite', shared, (m, cpu, f) =>
      currentVcpu(m, cpu).avic === 0 && f.offset === 0x300 && (f.value & 0xc_0000) === selfShorthand
        ? selfIpi(m, cpu, f.value & 0xff, () => write(m, cpu, f.offset, f.value))
        : write(m, cpu, f.offset, f.value),
    ),
    // Reached only when the microcode that the stage before called has returned.
    stage('retire', 'instructionRetire', local, () => 0),
    stage('eoi-virtualization', 'eoiVirtualization', shared, (m, cpu, f) =>
      currentVcpu(m, cpu).avic === 1
        ? write(m, cpu, f.offset, f.value)
        : endOfInterrupt(m, cpu, () => write(m, cpu, f.offset, f.value)),
    ),
  ],
);
