import { testBit } from '../../arch/bits256.js';
import { descriptorOf } from '../../kvm/machine.js';
import type { StateInvariant } from './invariant.js';
import { inHand } from './ledger.js';
import { type LedgerEntry, LedgerFault } from './ledger-entries.js';

function hex(vector: number): string {
  return `${vector.toString(16).toUpperCase()}H`;
}

/** What was accepted is somewhere until it is delivered. */
export const nothingLost: StateInvariant = {
  id: 'INV1-nothing-lost',
  group: 'INV1',
  statement:
    'A fixed interrupt that a local APIC accepted is in PIR, in IRR or acknowledged for the next entry until it is delivered.',
  source: 'SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts"; vol. 3C, "Posted-Interrupt Processing"',
  example: 'Vector 40H was posted and not delivered; PIR and IRR are empty.',
  check: (machine, ledger) => {
    for (const vcpu of machine.vcpus) {
      const { pending, inService } = ledger.vcpus[vcpu.id] as LedgerEntry;
      for (let i = 0; i < pending.length; i++) {
        const vector = pending[i] as number;
        if (testBit(vcpu.page.irr, vector) || testBit(descriptorOf(machine, vcpu).pir, vector)) continue;
        if (inHand(vcpu, inService) !== vector)
          return `virtual CPU ${vcpu.id}: ${hex(vector)} was accepted and is nowhere`;
      }
    }
    return undefined;
  },
};

/** Nothing is requested that was not accepted. */
export const nothingMadeUp: StateInvariant = {
  id: 'INV4-nothing-made-up',
  group: 'INV4',
  statement: 'PIR and IRR hold nothing that the local APIC did not accept and has not delivered since.',
  source: 'SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts"',
  example: 'IRR holds 40H, which was delivered and not requested again.',
  check: (machine, ledger) => {
    for (const vcpu of machine.vcpus) {
      const { pending } = ledger.vcpus[vcpu.id] as LedgerEntry;
      const { pir } = descriptorOf(machine, vcpu);
      const { irr } = vcpu.page;
      for (let word = 0; word < 8; word++) {
        let bits = ((pir[word] as number) | (irr[word] as number)) >>> 0;
        while (bits !== 0) {
          const vector = 32 * word + 31 - Math.clz32(bits);
          if (!pending.includes(vector))
            return `virtual CPU ${vcpu.id}: ${hex(vector)} is requested and was not accepted`;
          bits = (bits & ~(1 << (vector & 31))) >>> 0;
        }
      }
    }
    return undefined;
  },
};

/** What is delivered was sent and requested. */
export const nothingSpurious: StateInvariant = {
  id: 'INV4-nothing-spurious',
  group: 'INV4',
  statement:
    'No vector is accepted that nobody sent, nor twice for one message; none is delivered that is not pending.',
  source: 'SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts"',
  example: 'One IPI with vector 40H was sent, and 40H was accepted twice.',
  check: (_machine, { fault, faultVcpu, faultVector }) => {
    if (fault === LedgerFault.unsent)
      return `virtual CPU ${faultVcpu}: accepted ${hex(faultVector)}, which nobody sent`;
    if (fault === LedgerFault.unrequested)
      return `virtual CPU ${faultVcpu}: ${hex(faultVector)} was delivered and was not pending`;
    if (fault === LedgerFault.unexpected) return `virtual CPU ${faultVcpu}: goes on although nothing came for it`;
    return undefined;
  },
};

/** The highest comes first, and only above the processor priority. */
export const priorityOrder: StateInvariant = {
  id: 'INV3-priority-order',
  group: 'INV3',
  statement: 'The vector delivered is the highest in IRR, and its class is above TPR and every vector in service.',
  source: 'SDM vol. 3A, "Interrupt, Task, and Processor Priority"',
  example: '40H was delivered while 43H was in service.',
  check: (_machine, { fault, faultVcpu, faultVector }) => {
    if (fault === LedgerFault.belowPriority)
      return `virtual CPU ${faultVcpu}: ${hex(faultVector)} was delivered below the processor priority`;
    if (fault === LedgerFault.notHighest)
      return `virtual CPU ${faultVcpu}: ${hex(faultVector)} was delivered before a higher request`;
    return undefined;
  },
};

/** Each in-service bit ends with its own EOI. */
export const eoiExactness: StateInvariant = {
  id: 'INV5-one-eoi-each',
  group: 'INV5',
  statement: 'ISR holds exactly what was delivered and has had no EOI; an EOI ends the highest of them.',
  source: 'SDM vol. 3A, "Signaling Interrupt Servicing Completion"; vol. 3C, "EOI Virtualization"',
  example: '43H was delivered, EOI was written, and ISR still holds 43H.',
  check: (machine, ledger) => {
    const { fault, faultVcpu, faultVector } = ledger;
    if (fault === LedgerFault.wrongEoi)
      return `virtual CPU ${faultVcpu}: an EOI ended ${hex(faultVector)}, which is not the highest in service`;
    for (const vcpu of machine.vcpus) {
      const { inService, pending } = ledger.vcpus[vcpu.id] as LedgerEntry;
      const acknowledged = pending.includes(inHand(vcpu, inService)) ? 1 : 0;
      let count = 0;
      for (let word = 0; word < 8; word++) {
        for (let bits = vcpu.page.isr[word] as number; bits !== 0; bits = (bits & (bits - 1)) >>> 0) count++;
      }
      for (let i = 0; i < inService.length; i++) {
        const vector = inService[i] as number;
        if (!testBit(vcpu.page.isr, vector))
          return `virtual CPU ${vcpu.id}: ${hex(vector)} had no EOI and is not in service`;
      }
      if (count !== inService.length + acknowledged)
        return `virtual CPU ${vcpu.id}: ISR holds a vector whose EOI was written, or that was not delivered`;
    }
    return undefined;
  },
};

/** A notification for L2 is processed, it is no exit. */
export const noExitForNotification: StateInvariant = {
  id: 'INV4-no-exit-for-notification',
  group: 'INV4',
  statement:
    'While L2 is active, an interrupt for L1 that is L1\u2019s notification vector for it is never given to L1 as an exit.',
  source: 'SDM vol. 3C, "Posted-Interrupt Processing"; Linux vmx_check_nested_events',
  example: 'L1 posts by vector 71H, and L2 exits to L1 for an external interrupt with vector 71H.',
  check: (_machine, { fault, faultVcpu, faultVector }) =>
    fault === LedgerFault.notificationExit
      ? `virtual CPU ${faultVcpu}: L2 exited for ${hex(faultVector)}, which notifies it`
      : undefined,
};
