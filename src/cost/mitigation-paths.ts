import type { PathCosts } from './paths.js';

/**
 * What mitigations of speculation cost where they are on, for each exit and entry. What a processor needs is the choice of the scenario.
 */
export const mitigationPaths: Readonly<Record<string, PathCosts>> = {
  specCtrl: {
    cycles: 580,
    range: [200, 900],
    status: 'taken',
    source:
      'the pair of writes to IA32_SPEC_CTRL around a guest: 725 cycles on Sapphire Rapids, for which other processors have numbers of their own',
    keys: { specCtrlPair: 1 },
  },
  bufferClearing: {
    cycles: 400,
    range: [160, 640],
    status: 'estimated',
    source: 'VERW before the entry: clearing the buffers takes some hundreds of cycles',
    keys: { verw: 1 },
  },
  cacheFlush: {
    cycles: 1500,
    range: [500, 5000],
    status: 'estimated',
    source:
      'flushing the L1 data cache before the entry by IA32_FLUSH_CMD: a cycle or two for each of its 512 lines (J. McCalpin, Intel forum on software tuning), and some 50 lines that are read again from the L2 cache; longer by software, without the microcode for it',
    keys: { l1dFlush: 1 },
  },
  retpoline: {
    cycles: 40,
    range: [20, 80],
    status: 'estimated',
    source:
      'an indirect call through a retpoline, whose return is predicted wrong on purpose: some 30 to 40 cycles; a round through the run loop had six to eight before static calls',
    keys: { retpolineHandler: 1, retpolineVendorOps: 7, guestRetpoline: 1 },
  },
  branchHistory: {
    cycles: 150,
    range: [60, 400],
    status: 'unconstrained',
    source:
      'the software sequence that overwrites the branch history after an exit: 25 calls and jumps, and their loops',
    keys: { bhbClear: 1 },
  },
};
