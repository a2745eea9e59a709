import type { Processor } from '../processor.js';

const series = 'the four means of the IPI-virtualization series (kvm list, 2021-07-16)';

/**
 * The IPI-virtualization-capable processor of the first published series: not named there, Sapphire Rapids or a pre-production part of it, at base
 * frequency.
 */
export const sapphireRapids: Processor = {
  name: 'sapphire-rapids',
  title: 'Intel Xeon of the Sapphire Rapids generation, at base frequency, with KVM',
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2,
  scale: {
    cycles: 1.25,
    range: [1, 1.5],
    status: 'estimated',
    source: `in cycles at base clock, paths take 1.25 to 1.3 times what they take on Skylake-SP: ${series} against its figures`,
  },
  hardware: {
    apicPageAccess: {
      cycles: 361,
      range: [350, 500],
      status: 'estimated',
      source: 'three of them make most of the 1068 cycles between the APIC modes with IPI virtualization',
    },
    ipiVirtualization: {
      cycles: 430,
      range: [200, 600],
      status: 'estimated',
      source: 'microcode from the stored VICR to the notification; this is the first processor that has it',
    },
    specCtrl: {
      cycles: 725,
      range: [500, 900],
      status: 'taken',
      source:
        'the pair of writes to IA32_SPEC_CTRL around a guest: 3878 against 3153 cycles of tscdeadline_immed on a Xeon Gold 6442Y (Kohler, September 2024)',
    },
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 9, 65, 150],
      range: [48, 75],
      status: 'estimated',
      source:
        'none is published for this part: 51 ns on Ice Lake-SP and 48 on Cascade Lake, and a larger mesh over four tiles here',
    },
    ipiFlight: {
      ns: [190, 304, 380, 570],
      range: [150, 400],
      status: 'estimated',
      source: `as on Skylake-SP, with a larger mesh; ${series}`,
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
    { name: 'C1E', exitLatencyNs: 2000, targetResidencyNs: 4000 },
    { name: 'C6', exitLatencyNs: 290_000, targetResidencyNs: 800_000 },
  ],
};
