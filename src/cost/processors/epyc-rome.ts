import type { Processor } from '../processor.js';

/** EPYC of the Zen 2 generation: SVM with AVIC in xAPIC mode. */
export const epycRome: Processor = {
  name: 'epyc-rome',
  title: 'AMD EPYC of the Zen 2 generation (7642), with KVM',
  features: { vendor: 'amd', apicv: false, ipiVirtualization: false, avic: true, x2avic: false },
  tscGhz: 2.3,
  scale: {
    cycles: 1.1,
    range: [0.7, 1.6],
    status: 'unconstrained',
    source:
      'a core of two generations before Zen 4, which is 10 percent too fast for a call between CPUs of an EPYC 7642 (kvm list, 2021-10-21)',
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
      cycles: 400,
      range: [50, 900],
      status: 'unconstrained',
      source: 'a write to IA32_SPEC_CTRL, which Zen 3 and later switch with the world (virtual SPEC_CTRL)',
    },
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 6.5, 60, 200],
      range: [20, 110],
      status: 'estimated',
      source:
        '24 ns within a core complex, 94 between complexes on a Threadripper 3960X (core-to-core-latency, nviennot): a mean of both; between sockets as on Zen 3',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 2000 },
    { name: 'C2', exitLatencyNs: 400000, targetResidencyNs: 800000 },
  ],
};
