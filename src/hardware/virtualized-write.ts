import { testBit } from '../arch/bits256.js';
import { hasSecondary, Secondary } from '../arch/controls.js';
import { ExitReason } from '../arch/exit-reason.js';
import { svi } from '../arch/guest-interrupt-status.js';
import { observe } from '../engine/requests.js';
import { currentVcpu, type HardwareMachine, type LogicalProcessor } from './machine.js';
import { Record } from './records.js';

/** True if the write that was carried out took effect without software. */
function isVirtualized(machine: HardwareMachine, processor: LogicalProcessor): boolean {
  const vcpu = currentVcpu(machine, processor);
  if (!hasSecondary(vcpu.vmcs, Secondary.virtualInterruptDelivery)) return false;
  return processor.nonRoot === 1 || vcpu.exit.reason === ExitReason.EoiInduced;
}

/** Carries out a write of EOI, and tells observers of the vector whose service it ended without software. */
export function endOfInterrupt<T>(machine: HardwareMachine, processor: LogicalProcessor, write: () => T): T {
  const vcpu = currentVcpu(machine, processor);
  const vector = svi(vcpu.vmcs);
  const outcome = write();
  if (isVirtualized(machine, processor)) observe(machine, Record.endOfInterrupt, vcpu.id, vector);
  return outcome;
}

/** Carries out a write that sends an interrupt to the virtual CPU itself, and tells observers if that took no software. */
export function selfIpi<T>(machine: HardwareMachine, processor: LogicalProcessor, vector: number, write: () => T): T {
  const vcpu = currentVcpu(machine, processor);
  const pending = testBit(vcpu.page.irr, vector);
  const outcome = write();
  if (isVirtualized(machine, processor)) observe(machine, pending ? Record.coalesced : Record.posted, vcpu.pid, vector);
  return outcome;
}
