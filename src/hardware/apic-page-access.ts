import { beginApicWrite, virtualizeApicRead } from '../arch/apic-access.js';
import { ExitReason } from '../arch/exit-reason.js';
import type { Outcome, VmExit } from '../arch/outcome.js';
import { call } from '../engine/frames.js';
import { type Control, local, shared } from '../engine/routine.js';
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

/** The exit qualification of an EPT violation by a data read or write. SDM vol. 3C, "Exit Qualification for EPT Violations". */
const violationBy = { read: 1, write: 2 } as const;

/** What EPT makes of an access to the page while it is not the APIC-access page: a violation while it is not mapped, then a misconfiguration. */
function eptExit(machine: HardwareMachine, vcpu: VirtualCpu): VmExit {
  const mapped = machine.apicPageMapping[vcpu.vm] === ApicPageMapping.misconfigured;
  const qualification = vcpu.exit.access === 1 ? violationBy.read : violationBy.write;
  return mapped
    ? { kind: 'exit', reason: ExitReason.EptMisconfig, qualification: 0, trapLike: false }
    : { kind: 'exit', reason: ExitReason.EptViolation, qualification, trapLike: false };
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
  vcpu.exit.access = kind;
  vcpu.exit.offset = offset;
  vcpu.exit.low = value;
  return carryOut(machine, processor, outcome.kind === 'passthrough' ? eptExit(machine, vcpu) : outcome);
}

/**
 * A 32-bit load from the APIC-access page in VMX non-root operation. SDM vol. 3C, "Virtualizing Reads from the APIC-Access Page".
 */
export const apicPageRead = instruction(
  'apic-page-read',
  () => ({ offset: 0 }),
  [],
  [
    stage('access', 'apicPageAccess', local, (m, cpu, f) =>
      access(m, cpu, virtualizeApicRead(currentVcpu(m, cpu), f.offset, 4), f.offset, 0, 1),
    ),
  ],
);

/** The destination shorthand "self" in bits 19:18 of the ICR. */
const selfShorthand = 0x4_0000;

function write(machine: HardwareMachine, processor: LogicalProcessor, offset: number, value: number): Control {
  const vcpu = currentVcpu(machine, processor);
  const outcome = beginApicWrite(vcpu, offset, 4, value);
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
    stage('store', 'vicrWrite', local, (m, cpu, f) =>
      f.offset === 0x300 && (f.value & 0xc_0000) === selfShorthand
        ? selfIpi(m, cpu, f.value & 0xff, () => write(m, cpu, f.offset, f.value))
        : write(m, cpu, f.offset, f.value),
    ),
    // Reached only when the microcode that the stage before called has returned.
    stage('retire', 'instructionRetire', local, () => 0),
    stage('eoi-virtualization', 'eoiVirtualization', shared, (m, cpu, f) =>
      endOfInterrupt(m, cpu, () => write(m, cpu, f.offset, f.value)),
    ),
  ],
);
