import { avicMsrWriteFaults } from '../arch/avic.js';
import { ExitReason } from '../arch/exit-reason.js';
import { beginWrmsr, virtualizeRdmsr } from '../arch/msr-access.js';
import { interceptsRead, interceptsWrite } from '../arch/msr-bitmap.js';
import { generalProtection } from '../arch/outcome.js';
import { call } from '../engine/frames.js';
import { type Control, local, shared } from '../engine/routine.js';
import { avicRead, avicWrite } from './avic.js';
import { ipiVirtualization } from './ipi-virtualization.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { carryOut } from './outcome.js';
import { endOfInterrupt, selfIpi } from './virtualized-write.js';
import { vmExit } from './vm-exit.js';

const { instruction, stage } = hardware;

interface WrmsrOperands {
  msr: number;
  low: number;
  high: number;
}

function virtualize(machine: HardwareMachine, processor: LogicalProcessor, f: WrmsrOperands): Control {
  const vcpu = currentVcpu(machine, processor);
  if (vcpu.avic === 1) {
    const offset = (f.msr - 0x800) << 4;
    if (avicMsrWriteFaults(offset, f.low, f.high)) return carryOut(machine, processor, generalProtection);
    return avicWrite(machine, processor, offset, f.low, f.high);
  }
  const outcome = beginWrmsr(vcpu, f.msr, f.low, f.high);
  // TPR, EOI and self-IPI virtualization may have made a virtual interrupt recognized.
  processor.attention = 1;
  if (outcome !== 'ipi-virtualization') return carryOut(machine, processor, outcome);
  const ipi = call(machine, processor, ipiVirtualization);
  ipi.vector = vcpu.page.icrLow & 0xff;
  ipi.destination = vcpu.page.icr64High;
  return undefined;
}

/**
 * WRMSR of an x2APIC register (800H-8FFH), or of another MSR, which here always exits, in VMX non-root operation: the MSR bitmap first, then what APIC virtualization makes of
 * it. SDM vol. 3C, "Virtualizing MSR-Based APIC Accesses". With `immediate` 1 it is WRMSRNS with the MSR's number in the instruction: the same but for
 * its exit, whose qualification has the number.
 */
export const wrmsr = instruction(
  'wrmsr',
  () => ({ msr: 0, low: 0, high: 0, immediate: 0 }),
  [],
  [
    stage(
      'msr-bitmap',
      'msrBitmapCheck',
      local,
      (m, cpu, f) => {
        const vcpu = currentVcpu(m, cpu);
        if (f.msr < 0x800 || f.msr > 0x8ff || interceptsWrite(vcpu.vmcs, vcpu.msrBitmap, f.msr)) {
          vcpu.exit.msr = f.msr;
          vcpu.exit.low = f.low;
          vcpu.exit.high = f.high;
          const reason = f.immediate === 1 ? ExitReason.MsrWriteImm : ExitReason.MsrWrite;
          vmExit(m, cpu, { kind: 'exit', reason, qualification: f.immediate === 1 ? f.msr : 0, trapLike: false });
          return undefined;
        }
        if (f.msr === 0x80b) return 'eoi-virtualization';
        return f.msr === 0x830 ? undefined : 'virtualize';
      },
      { to: ['eoi-virtualization', 'virtualize'] },
    ),
    stage('store-vicr', 'vicrWrite', local, (m, cpu, f) => virtualize(m, cpu, f)),
    // Reached only when the microcode that the stage before called has returned.
    stage('retire', 'instructionRetire', local, () => 0),
    stage('eoi-virtualization', 'eoiVirtualization', shared, (m, cpu, f) =>
      currentVcpu(m, cpu).avic === 1 ? virtualize(m, cpu, f) : endOfInterrupt(m, cpu, () => virtualize(m, cpu, f)),
    ),
    stage('virtualize', 'msrVirtualization', shared, (m, cpu, f) =>
      f.msr === 0x83f && currentVcpu(m, cpu).avic === 0 && f.high === 0 && f.low <= 0xff
        ? selfIpi(m, cpu, f.low & 0xff, () => virtualize(m, cpu, f))
        : virtualize(m, cpu, f),
    ),
  ],
);

/** RDMSR of an x2APIC register in VMX non-root operation; returns EAX. */
export const rdmsr = instruction(
  'rdmsr',
  () => ({ msr: 0, immediate: 0 }),
  [],
  [
    stage('msr-bitmap', 'msrBitmapCheck', local, (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (f.msr >= 0x800 && f.msr <= 0x8ff && !interceptsRead(vcpu.vmcs, vcpu.msrBitmap, f.msr)) return;
      vcpu.exit.msr = f.msr;
      const reason = f.immediate === 1 ? ExitReason.MsrReadImm : ExitReason.MsrRead;
      vmExit(m, cpu, { kind: 'exit', reason, qualification: f.immediate === 1 ? f.msr : 0, trapLike: false });
    }),
    stage('virtualize', 'msrVirtualization', shared, (m, cpu, f) =>
      currentVcpu(m, cpu).avic === 1
        ? avicRead(m, cpu, (f.msr - 0x800) << 4)
        : carryOut(m, cpu, virtualizeRdmsr(currentVcpu(m, cpu), f.msr)),
    ),
  ],
);
