import { beginApicWrite, virtualizeApicRead } from '../arch/apic-access.js';
import { call } from '../engine/frames.js';
import { type Control, shared } from '../engine/routine.js';
import { ipiVirtualization } from './ipi-virtualization.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { carryOut } from './outcome.js';

const { instruction, stage } = hardware;

/**
 * A 32-bit load from the APIC-access page in VMX non-root operation. SDM vol. 3C, "Virtualizing Reads from the APIC-Access Page".
 */
export const apicPageRead = instruction(
  'apic-page-read',
  () => ({ offset: 0 }),
  [],
  [
    stage('access', 'apicPageAccess', shared, (m, cpu, f) =>
      carryOut(m, cpu, virtualizeApicRead(currentVcpu(m, cpu), f.offset, 4)),
    ),
  ],
);

function write(machine: HardwareMachine, processor: LogicalProcessor, offset: number, value: number): Control {
  const vcpu = currentVcpu(machine, processor);
  const outcome = beginApicWrite(vcpu, offset, 4, value);
  processor.attention = 1;
  if (outcome !== 'ipi-virtualization') return carryOut(machine, processor, outcome);
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
      shared,
      (_m, _cpu, f) => (f.offset === 0xb0 ? 'eoi-virtualization' : undefined),
      {
        to: ['eoi-virtualization'],
      },
    ),
    stage('store', 'vicrWrite', shared, (m, cpu, f) => write(m, cpu, f.offset, f.value)),
    // Reached only when the microcode that the stage before called has returned.
    stage('retire', 'instructionRetire', shared, () => 0),
    stage('eoi-virtualization', 'eoiVirtualization', shared, (m, cpu, f) => write(m, cpu, f.offset, f.value)),
  ],
);
