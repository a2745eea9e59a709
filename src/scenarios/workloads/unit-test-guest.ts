import { ipiEntry, ipiVector } from '../../guest/smp.js';
import { testIsr, testVector } from '../../guest/vmexit.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import type { KvmVcpu } from '../../kvm/machine.js';

/** The interrupt handlers of a kvm-unit-tests guest, and its timer in TSC-deadline mode. */
export function setUnitTestHandlers(vcpu: KvmVcpu): void {
  setHandler(vcpu.guestInterrupts, ipiVector, ipiEntry.entry);
  setHandler(vcpu.guestInterrupts, testVector, testIsr.entry);
  vcpu.page.lvtTimer = 0x4_0000 | testVector;
}
