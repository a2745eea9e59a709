import type { Processor } from '../processor.js';

/** EPYC of the Zen 4 generation: SVM with AVIC and x2AVIC. */
export const epyc: Processor = {
  name: 'epyc',
  title: 'AMD EPYC of the Zen 4 generation, with KVM',
  features: { vendor: 'amd', apicv: false, ipiVirtualization: false, avic: true, x2avic: true },
  tscGhz: 2.4,
  scale: {
    cycles: 0.95,
    range: [0.7, 1.4],
    status: 'estimated',
    source:
      'around VMRUN the kernel takes 576 cycles before and 576 to 656 after on an EPYC of unnamed model (linux-kernel, December 2020)',
  },
  hardware: {
    vmExit: {
      cycles: 700,
      range: [450, 900],
      status: 'estimated',
      source:
        'VMRUN to #VMEXIT with almost nothing between: 1344 to 1376 cycles (linux-kernel, December 2020), in two halves',
    },
    vmEntry: {
      cycles: 660,
      range: [450, 900],
      status: 'estimated',
      source: 'as vmExit: the other half',
    },
    apicPageAccess: {
      cycles: 100,
      range: [30, 300],
      status: 'estimated',
      source:
        'AVIC turns an access to the APIC page into one to the backing page in flight; IPIs in xAPIC and x2APIC mode take within 5 percent of each other on Zen 4 (commit 04c3024560d3)',
    },
    specCtrl: {
      cycles: 200,
      range: [50, 500],
      status: 'unconstrained',
      source: 'hardware switches SPEC_CTRL with the world (virtual SPEC_CTRL), so the writes are seldom needed',
    },
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 10, 60, 190],
      range: [20, 120],
      status: 'estimated',
      source: 'about 25 ns within a core complex, about 100 ns between complexes of a socket: a mean of both',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 2000 },
    { name: 'C2', exitLatencyNs: 100_000, targetResidencyNs: 200_000 },
  ],
};
