import { MpState } from '../../kvm/machine.js';
import { loadedContext } from '../../kvm/nested/guest-mode.js';
import type { StateInvariant } from './invariant.js';

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
