/** Published numbers that no figure stands for. */
export interface UnscoredFigure {
  /** Names of the published numbers. */
  readonly covers: readonly string[];
  readonly source: string;
  /** What was published. */
  readonly published: string;
  /** Why no scenario is held against it. */
  readonly reason: string;
}

const nested = 'the processor is not stated, and no workload here runs in a guest of a guest';
const application = 'a whole application: what else it does decides the number';
const noProcessor = 'the processor is not stated; between processors and clocks lies a factor of 1.5';

/** Published numbers that are not scored, and why: nothing that was collected is left out of both lists. */
export const unscoredFigures: readonly UnscoredFigure[] = [
  {
    covers: [
      'ipi_in_guest_default_perfkvmstat',
      'ipi_in_guest_idle_poll_perfkvmstat',
      'ipi_in_guest_halt_poll_2ms_perfkvmstat',
    ],
    source: 'article on IPIs in KVM guests (Tencent Cloud developers)',
    published: 'totals of perf kvm stat: 5956, 31 and 4859 s',
    reason: 'a window timed by hand, mostly the sleep of halted vCPUs; its author says that they cannot be compared',
  },
  {
    covers: ['pvipi_rfc_ebizzy', 'vcpu_boost_ebizzy', 'timer_passthrough_rfc', 'xen_l0_flush'],
    source: 'cover letters and commits of the KVM and Xen lists',
    published: 'ebizzy, memcached, make',
    reason: application,
  },
  {
    covers: ['passthrough_ipi_rfc', 'noexit_pvipi_sender', 'devirt_ipi_ratio', 'timer_passthrough_cyclictest'],
    source: 'passthrough of IPIs and timers (ByteDance, 2020 to 2022)',
    published: '7000, 2000 and 1500 cycles; 228, 11486 and 412 cycles; a ratio of 2; 10 and 7 us',
    reason:
      'the measurement is not described, and guests that own a physical APIC are not simulated; the 500 cycles between passthrough and bare host are the range of posted-interrupt processing',
  },
  {
    covers: ['avic_pvipi_single'],
    source: 'AVIC against PV IPIs (kvm list, 2021-10-21)',
    published: "3756 and 2219 cycles for the sender's part of a send on an EPYC 7642",
    reason: 'only a part of a call, which the reports do not measure alone; the whole call of the same test is scored',
  },
  {
    covers: ['skx_cyclictest_fastpath_v4', 'skx_cyclictest_fastpath_v1'],
    source: "'KVM: VMX: Tscdeadline timer emulation fastpath' (kvm list, April 2020)",
    published: 'cyclictest, average: 5587 and 4581 ns',
    reason:
      "most of it is the guest's own way from a timer interrupt to a thread in user space, which no figure pins; interval and idle states of the host are not stated",
  },
  {
    covers: ['fastpath_note_timer_share', 'fastpath_note_mitigation_note', 'wiki_exit_mix', 'pvipi_v3_pvipi_limit'],
    source: 'notes of vendors',
    published: 'shares of exits in production; statements',
    reason: 'no set-up, or nothing measured',
  },
  {
    covers: ['ptimer_commit_paolo', 'swait_tscdeadline_latency', 'rcuwait'],
    source: 'commits ce7a058a2117, 8577370fb0cb, da4ad88cab58: tscdeadline_latency',
    published: '3200 cycles, 800 fewer; 5824 cycles; 15 to 20 percent fewer',
    reason: `${noProcessor}; wait queues before rcuwait are not told apart`,
  },
  {
    covers: ['hsw_advance_vmentry_gap'],
    source: 'wait_lapic_expire moved next to the world switch (kvm list, 2019)',
    published: '700 cycles from the end of the wait to the entry; 1600 before, 1000 after',
    reason: 'a desktop processor at a clock that is not stated, which no profile is for',
  },
  {
    covers: ['exitless_timer', 'ext_intr_exit_time'],
    source: 'commit 0c5f81dad46c: redis in a guest with a housekeeping processor',
    published: '42916 and 6871 external interrupts; 0.47 us at least, 0.71 us on average',
    reason:
      "counts of an application; the times hold the host's own handlers: their least is the range of the host's interrupts",
  },
  {
    covers: ['clx_schedout_in'],
    source: 'kvm list, H. Li, 2021-03-10: cyclictest with 88 vCPUs',
    published: '1.41 and 12.03 percent of timers later than 10000 cycles',
    reason: 'a share of outliers: what else ran on the host decides it',
  },
  {
    covers: ['adaptive_poll_tcprr', 'adaptive_poll_idle_nohz', 'adaptive_poll_idle_250hz'],
    source: 'commit aca6ff29c406 (dynamic halt polling)',
    published: 'TCP_RR 34, 27 and 26.7 us; 0.15 to 14 percent of a processor',
    reason: 'the processor is not stated, and most of the time is the network stack and what else the guest does',
  },
  {
    covers: ['halt_poll_default', 'guest_halt_poll_defaults'],
    source: 'Linux: KVM_HALT_POLL_NS_DEFAULT; guest-halt-polling.rst',
    published: 'defaults of parameters',
    reason: 'not measured: they are the defaults of the scenarios',
  },
  {
    covers: ['pi_self_timer_skip', 'ttwu_polling_skip'],
    source: 'commits 379a3c8ee444 and b2a02fc43a1f',
    published: 'statements on behaviour',
    reason: 'no number: the model behaves so',
  },
  {
    covers: ['cpuid_2024_sean', 'cpuid_2024_kauer', 'msr_switch_cost_xfd', 'inl_from_qemu_apicv', 'vmexit_2012'],
    source: 'kvm list, 2021 and 2024; commits ad3610919e6f and 00bfecaa: round trips of exits',
    published: '1018 to 1110 cycles for cpuid; 1500 and 2000; 5765 to 5826; 3898 to 24615',
    reason: `${noProcessor}; they are within the ranges of exit and entry`,
  },
  {
    covers: ['nested_vmexit_2019', 'nested_evmcs_cpuid'],
    source: 'kvm list, VMX optimizations, 2019; enlightened VMCS, 4.17',
    published: '13142 to 31876 cycles; 18890 and 8304 cycles',
    reason: nested,
  },
  {
    covers: ['icx_rcuwait_shortcut'],
    source: 'kvm list, 2021-10-09, series 560361',
    published: 'about 600 cycles saved on Ice Lake',
    reason: 'disputed by the maintainer of the scheduler; a difference that depends on debug options',
  },
  {
    covers: ['amd_vmrun'],
    source: 'linux-kernel, December 2020: SEV-ES',
    published: '576 cycles to VMRUN, 1344 to 1376 around it, 576 to 656 after',
    reason: 'taken as the estimates of the profile epyc, so that it cannot test them',
  },
  {
    covers: [
      'c2c_clx_6242',
      'c2c_clx_8275cl',
      'c2c_icx_8375c',
      'c2c_bdw_v4v4',
      'cstates_skx',
      'cstates_icx',
      'cstates_spr',
    ],
    source: 'core-to-core-latency (nviennot); intel_idle',
    published: 'cache-line messages; exit latencies and target residencies',
    reason: 'taken: they are the numbers of the profiles',
  },
  {
    covers: ['c1_irq_enable'],
    source: 'commit c227233ad64c',
    published: '5 to 10 percent less latency in C1',
    reason: 'a detail of entering C1 below what a C-state has here',
  },
  {
    covers: ['uintr_relative', 'signal_cost_xui'],
    source: 'user interrupts, 2021; xUI, 2025',
    published: 'ratios to a user IPI of 8.9 to 17.3; 2.4 us for a signal',
    reason: "interrupts between threads of one system, through its kernel's signals and pipes: not a guest's",
  },
  {
    covers: ['xen_shim_shorthand'],
    source: 'Xen commit 5500d265a2a8',
    published: '347577 and 220395 ns of lock time',
    reason: 'another hypervisor',
  },
];
