import { hasNestedInterrupt } from '../../arch/nested/nested-interrupts.js';
import { guestBlocksInterrupts } from '../interruptibility.js';
import type { KvmMachine, KvmVcpu } from '../machine.js';
import { loadedContext, nestedHasVid, nestedOf } from './guest-mode.js';
import { nestedDescriptor } from './nested-events.js';

/**
 * True if there is something for a halted L2 that only L2's own virtual-APIC page or descriptor shows: RVI above VPPR, or a notification
 * that waits for software. Linux `vmx_has_nested_events`.
 */
export function vmxHasNestedEvents(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const nested = nestedOf(machine, vcpu);
  if (!nestedHasVid(nested) || guestBlocksInterrupts(machine, vcpu)) return false;
  const { vmcs, page } = loadedContext(machine, vcpu);
  return hasNestedInterrupt(vmcs, nested.vmcs12, page, nestedDescriptor(machine, vcpu) ?? null, nested.piPending === 1);
}
