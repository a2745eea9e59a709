import { MpState } from '../../kvm/machine.js';
import { loadedContext } from '../../kvm/nested/guest-mode.js';
import type { StateInvariant } from './invariant.js';
import { nmiComes, nmiInHand } from './ledger.js';
import { type LedgerEntry, LedgerFault } from './ledger-entries.js';

const blockedByNmi = 8;

/** One NMI waits behind the one that is handled, or two where none is. */
export const nmisBehind: StateInvariant = {
  id: 'INV14-nmis-behind',
  group: 'INV14',
  statement:
    'While a guest runs, one NMI at most waits behind one that is handled, and INIT leaves none: who waits for a SIPI has nothing injected.',
  source: 'SDM vol. 3A, "Handling Multiple NMIs"; Linux process_nmi, kvm_vcpu_reset',
  example: 'NMIs are blocked, because one is handled, and two more wait.',
  check: (machine) => {
    for (const processor of machine.processors) {
      const vcpu = machine.vcpus[processor.vcpu];
      if (processor.nonRoot === 0 || vcpu === undefined) continue;
      const { interruptibility } = loadedContext(machine, vcpu);
      if ((interruptibility & blockedByNmi) !== 0 && vcpu.nmiPending > 1)
        return `virtual CPU ${vcpu.id}: an NMI is handled, and ${vcpu.nmiPending} more wait`;
    }
    for (const { id, mpState, injected } of machine.vcpus) {
      if (mpState === MpState.initReceived && injected !== 0)
        return `virtual CPU ${id}: waits for a SIPI, and has something to inject`;
    }
    return undefined;
  },
};

/** What was accepted is somewhere until it is delivered. */
export const nmiKept: StateInvariant = {
  id: 'INV1-nmi-kept',
  group: 'INV1',
  statement:
    'An NMI that a local APIC accepted is queued, pending or chosen for the next entry until it is delivered, or makes L2 exit to L1.',
  source: 'SDM vol. 3A, "Handling Multiple NMIs"; Linux process_nmi, vmx_check_nested_events',
  example: 'An NMI was accepted and not delivered, and none is queued or pending.',
  check: (machine, ledger) => {
    for (const vcpu of machine.vcpus) {
      const { nmis } = ledger.vcpus[vcpu.id] as LedgerEntry;
      if (nmis === 0 || vcpu.nmiQueued + vcpu.nmiPending > 0 || nmiInHand(vcpu)) continue;
      if (!nmiComes(machine, vcpu)) return `virtual CPU ${vcpu.id}: an NMI was accepted and is nowhere`;
    }
    return undefined;
  },
};

/** Each NMI is handled once, by itself. */
export const nmiOnce: StateInvariant = {
  id: 'INV14-nmi-once',
  group: 'INV14',
  statement:
    'No NMI is delivered, nor makes L2 exit to L1, that was not accepted, or while the handler of one before has not returned.',
  source: 'SDM vol. 3A, "Handling Multiple NMIs"; vol. 3C, "Updating Non-Register State"; Linux vmx_set_nmi_mask',
  example: 'One NMI was sent, and two are delivered.',
  check: (_machine, { fault, faultVcpu }) => {
    if (fault === LedgerFault.nmiUnsent) return `virtual CPU ${faultVcpu}: an NMI was delivered that nobody sent`;
    if (fault === LedgerFault.nmiNested) return `virtual CPU ${faultVcpu}: an NMI was delivered while one is handled`;
    return undefined;
  },
};

/** An event finds L2 as it is after its entry, never before. */
export const enteredFirst: StateInvariant = {
  id: 'INV14-entered-first',
  group: 'INV14',
  statement: 'Once L1 has executed VMRESUME, L2 does not exit to L1 before it has been entered.',
  source: 'SDM vol. 3C, "VM Entries"; Linux nested_run_pending',
  example: 'L1 executes VMRESUME, and an interrupt for it comes to an exit of an L2 that has not run.',
  check: (machine, ledger) => {
    for (const { id, guestMode } of machine.vcpus) {
      if (guestMode === 0 && ledger.vcpus[id]?.entering === 1)
        return `virtual CPU ${id}: L2 has exited to it before it was entered`;
    }
    return undefined;
  },
};
