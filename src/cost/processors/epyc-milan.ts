import type { Processor } from '../processor.js';

/** EPYC of the Zen 3 generation: SVM with AVIC in xAPIC mode. */
export const epycMilan: Processor = {
  name: 'epyc-milan',
  title: 'AMD EPYC of the Zen 3 generation (7R13), with KVM',
  features: { vendor: 'amd', apicv: false, ipiVirtualization: false, avic: true, x2avic: false },
  tscGhz: 2.45,
  scale: {
    cycles: 1.05,
    range: [0.7, 1.5],
    status: 'unconstrained',
    source:
      'between Zen 2 and Zen 4, whose scale was fitted to two figures of its IPIs; no figure of this processor is held against it',
  },
  hardware: {
    vmExit: {
      cycles: 700,
      range: [450, 1000],
      status: 'unconstrained',
      source:
        'as on Zen 4: VMRUN to #VMEXIT with almost nothing between in 1344 to 1376 cycles on an EPYC of 2020 or before (linux-kernel, December 2020), in two halves',
    },
    vmEntry: { cycles: 660, range: [450, 1000], status: 'unconstrained', source: 'as vmExit: the other half' },
    apicPageAccess: {
      cycles: 63,
      range: [30, 300],
      status: 'unconstrained',
      source: 'as on Zen 4, where it was fitted to calls between CPUs in both APIC modes',
    },
    specCtrl: {
      cycles: 200,
      range: [50, 900],
      status: 'unconstrained',
      source: 'a write to IA32_SPEC_CTRL, which Zen 3 and later switch with the world (virtual SPEC_CTRL)',
    },
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 9.8, 65, 197],
      range: [20, 110],
      status: 'estimated',
      source:
        '23 ns within a core complex, 107 between complexes, 197 between sockets on an EPYC 7R13 (core-to-core-latency, nviennot): a mean of the first two',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 2000 },
    { name: 'C2', exitLatencyNs: 100000, targetResidencyNs: 200000 },
  ],
};
