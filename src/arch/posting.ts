import type { ApicMemory } from './apic-memory.js';
import { setBit, testBit } from './bits256.js';
import { mark } from './mark.js';
import { type Outcome, type Posted, postedSilently } from './outcome.js';
import { descriptorAt } from './physical-memory.js';
import { runSteps, type Step } from './step.js';

/** Working registers of posting an interrupt to a descriptor. */
export interface PostingLocals {
  /** 16-255. */
  vector: number;
  /** Index in `memory.descriptors`. */
  pid: number;
  /** URG of the interrupt-remapping table entry: 1 notifies in spite of SN. Software posts with 0. */
  urgent: number;
  /** The descriptor's notification vector. */
  nv: number;
  /** The descriptor's notification destination. */
  ndst: number;
}

const setPir: Step<unknown, ApicMemory, PostingLocals> = {
  name: 'set-pir',
  run: (_context, memory, locals) => {
    mark('13 poster PIR');
    const descriptor = descriptorAt(memory, locals.pid);
    if (descriptor !== undefined) setBit(descriptor.pir, locals.vector);
    return undefined;
  },
};

const notify: Step<unknown, ApicMemory, PostingLocals> = {
  name: 'notify',
  run: (_context, _memory, locals): Posted => {
    mark('13 poster notification');
    return { kind: 'posted', notify: true, vector: locals.nv, destination: locals.ndst };
  },
};

function takeNotification(memory: ApicMemory, locals: PostingLocals): Outcome | undefined {
  const descriptor = descriptorAt(memory, locals.pid);
  if (descriptor === undefined) return postedSilently;
  descriptor.on = 1;
  locals.nv = descriptor.nv;
  locals.ndst = descriptor.ndst;
  return undefined;
}

/**
 * Posting by the IOMMU (interrupt remapping in posted format), and the protocol that the SDM asks of any agent: PIR, then ON
 * unless ON or SN is 1 (an urgent interrupt ignores SN), then the notification. VT-d hardware does the first two in one atomic
 * update of the descriptor. VT-d specification, "Interrupt-Posting Hardware Operation"; SDM vol. 3C, "Posted-Interrupt Processing".
 */
export const postingSteps: readonly Step<unknown, ApicMemory, PostingLocals>[] = [
  setPir,
  {
    name: 'set-on',
    run: (_context, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === undefined || descriptor.on !== 0) {
        mark('13 poster ON');
        return postedSilently;
      }
      if (descriptor.sn !== 0) {
        if (locals.urgent === 0) {
          mark('13 poster SN');
          return postedSilently;
        }
        mark('13 poster URG');
      }
      return takeNotification(memory, locals);
    },
  },
  notify,
];

/**
 * Posting by software as KVM does it (`vmx_deliver_posted_interrupt`): done at once if the PIR bit was set already, then ON
 * without a look at SN, then the notification.
 */
export const softwarePostingSteps: readonly Step<unknown, ApicMemory, PostingLocals>[] = [
  {
    name: 'set-pir',
    run: (_context, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === undefined || testBit(descriptor.pir, locals.vector)) {
        mark('13 software PIR already set');
        return postedSilently;
      }
      setBit(descriptor.pir, locals.vector);
      return undefined;
    },
  },
  {
    name: 'set-on',
    run: (_context, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === undefined || descriptor.on !== 0) return postedSilently;
      mark('13 software ignores SN');
      return takeNotification(memory, locals);
    },
  },
  notify,
];

/**
 * {@link postingSteps} at once.
 *
 * @param pid - index in `memory.descriptors`.
 * @param vector - 16-255.
 * @param urgent - 1 for an urgent interrupt-remapping table entry.
 */
export function postInterrupt(memory: ApicMemory, pid: number, vector: number, urgent = 0): Outcome {
  return runSteps(postingSteps, undefined, memory, { vector, pid, urgent, nv: 0, ndst: 0 }, postedSilently);
}

/** {@link softwarePostingSteps} at once. */
export function postInterruptBySoftware(memory: ApicMemory, pid: number, vector: number): Outcome {
  return runSteps(softwarePostingSteps, undefined, memory, { vector, pid, urgent: 0, nv: 0, ndst: 0 }, postedSilently);
}
