/** A bug of history that cannot be switched on here, and why. */
export interface UnexpressedBug {
  /** As `DEST-02`. */
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly why: string;
}

const noBounds =
  'It writes or reads behind a table. Tables here are lists that know their length: there is nothing behind them to find or to destroy.';
const noFunctionSwitch =
  'It is in the saving or loading of state, which is one function on a stopped virtual CPU, not stages: there is no step of it to change. The law that would catch it (save, restore, go on alike) runs without it.';
const notModelled = (what: string): string => `${what} not modelled.`;

/** Bugs of the catalogue that no change of stages can express. */
export const unexpressedBugs: readonly UnexpressedBug[] = [
  {
    id: 'PI-02',
    title: 'The test for a pending interrupt looks at ON only while SN is 1',
    source: 'Linux pi_has_pending_interrupt; 17e433b54393',
    why: 'It decides to whom a spinning virtual CPU yields, by a look that changes nothing: the wrong answer costs a time slice, and breaks no law of delivery. That PIR counts while SN is 1 is a test of its own.',
  },
  {
    id: 'DEST-02',
    title: 'Destination map sized before the IDs change',
    source: 'Linux kvm_recalculate_apic_map',
    why: noBounds,
  },
  { id: 'DEST-07', title: 'Bitmap of virtual CPUs indexed by APIC ID', source: 'Linux 81cdb259fb6d', why: noBounds },
  {
    id: 'DEST-08',
    title: 'Logical ID with a cluster out of range crashes the look-up',
    source: 'Linux recalculate_apic_map, CVE-2013-6376',
    why: noBounds,
  },
  {
    id: 'PV-01',
    title: 'IPI hypercall before there is a map of destinations',
    source: 'Linux kvm_pv_send_ipi, CVE-2018-19406',
    why: 'A VM here has its map from the beginning: there is no pointer that could be null.',
  },
  {
    id: 'IPIV-03',
    title: 'PID-pointer table: size, validity, publication, double allocation',
    source: 'Linux vmx_alloc_ipiv_pid_table; d588bb9be1da',
    why: 'The table is made with the VM, before anything runs: nobody can come in between. That its last index is a bound is checked by the conformance vectors.',
  },
  {
    id: 'DEST-09',
    title: 'x2APIC LDR loaded from the image instead of derived',
    source: 'Linux kvm_apic_state_fixup; 12806ba93738',
    why: noFunctionSwitch,
  },
  {
    id: 'EVT-04',
    title: 'Pending NMI reported from the blocked bit',
    source: 'Linux b2ce89978889',
    why: noFunctionSwitch,
  },
  {
    id: 'TMR-06',
    title: 'Deadline restored before the mode, or before the TSC',
    source: 'kata-containers pull request 13798; firecracker issues 1942, 4099',
    why: 'The order of the ioctls is user space\u2019s; here state is loaded as a whole, in the one order that is right.',
  },
  {
    id: 'IRTE-02',
    title: 'Change of host affinity overwrites a posted entry',
    source: 'Linux intel-iommu; 688124cc541f',
    why: 'What the overwritten entry sends to the host is taken by the host\u2019s handler and delivered from there, later but as it should be: no law of delivery is broken. The posted entries of the host\u2019s own interrupts, which it loses, are not modelled.',
  },
  {
    id: 'EOI-05',
    title: 'Level of a shared line computed outside the lock',
    source: 'Linux ioapic.c, irq_states',
    why: notModelled('Lines with more than one source are'),
  },
];
