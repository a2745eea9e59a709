import type { Rule } from './rule.js';

type Row = readonly [id: string, statement: string, reading?: string];
type RowWithMarks = readonly [id: string, marks: readonly string[], statement: string, reading?: string];

function rules(section: string, test: string, rows: readonly Row[]): Rule[] {
  return rows.map(([id, statement, reading]) => ({
    id,
    section,
    statement,
    test,
    ...(reading === undefined ? {} : { reading }),
  }));
}

function rulesWithMarks(section: string, test: string, rows: readonly RowWithMarks[]): Rule[] {
  return rows.map(([id, marks, statement, reading]) => ({
    id,
    section,
    statement,
    test,
    marks,
    ...(reading === undefined ? {} : { reading }),
  }));
}

const page: Rule[] = rules('Virtualized APIC Registers', 'arch/virtual-apic-page.test.ts', [
  [
    '3 layout',
    'Bit v of VISR, VTMR or VIRR is bit v & 31 of the word at base + 16 × (v / 32); other bytes of each 16 are not used',
  ],
]);

const tpr: Rule[] = [
  ...rules('TPR Virtualization', 'arch/tpr-virtualization.test.ts', [
    [
      '4 step 1',
      'Without virtual-interrupt delivery a new VTPR class below the TPR threshold exits (43, trap-like), whatever it was before',
    ],
    ['4 step 2', 'With virtual-interrupt delivery the threshold is ignored: PPR virtualization, then evaluation'],
  ]),
  ...rules('Virtualizing CR8-Based TPR Accesses', 'arch/cr8.test.ts', [
    ['4 MOV from CR8', 'MOV from CR8 reads VTPR bits 7:4'],
    ['4 MOV to CR8', 'MOV to CR8 sets VTPR to the operand shifted left by 4, then TPR virtualization'],
    ['4 CR8 physical', 'Without TPR shadow CR8 is the physical TPR'],
    ['4 CR8-load exiting', 'MOV to CR8 exits (28) with CR8-load exiting, before its operand is looked at'],
    ['4 CR8-store exiting', 'MOV from CR8 exits (28) with CR8-store exiting'],
    ['4 CR8 fault', 'MOV to CR8 of a value above 15 is #GP(0)'],
  ]),
  ...rules('VM Exits Induced by the TPR Threshold', 'arch/vm-entry-apic.test.ts', [
    [
      '4 exit after entry',
      'With virtualized APIC accesses and no virtual-interrupt delivery, a threshold above the VTPR class exits right after VM entry, but not in shutdown or wait-for-SIPI',
    ],
  ]),
];

const priorityAndEoi: Rule[] = [
  ...rules('PPR Virtualization', 'arch/ppr-virtualization.test.ts', [
    ['5 VTPR', 'If the class of VTPR is at least that of SVI, VPPR is byte 0 of VTPR'],
    ['5 SVI', 'Otherwise VPPR is the class of SVI with low digit 0'],
  ]),
  ...rules('EOI Virtualization', 'arch/eoi-virtualization.test.ts', [
    ['6 EOI', 'SVI leaves VISR, SVI becomes the highest vector left in VISR (or 0), then PPR virtualization'],
    ['6 nothing in service', 'With SVI 0 the vector is 0: its VISR bit and its bit of the EOI-exit bitmap are used'],
    [
      '6 exit',
      'A set bit in the EOI-exit bitmap exits (45, trap-like) with the vector as qualification, and does not evaluate',
    ],
    ['6 evaluation', 'Otherwise pending virtual interrupts are evaluated'],
  ]),
  ...rules('Self-IPI Virtualization', 'arch/self-ipi-virtualization.test.ts', [
    ['7 self-IPI', 'The vector enters VIRR, RVI rises to it if lower, then evaluation; VTMR stays'],
  ]),
];

const ipi: Rule[] = [
  ...rules('IPI Virtualization', 'arch/ipi-virtualization.test.ts', [
    ['8 step 1', 'A vector below 16 is an APIC-write exit'],
    [
      '8 step 2',
      'A destination above the last PID-pointer index (32 bits against 16, equal is in range) is an APIC-write exit',
    ],
    [
      '8 step 3',
      'The descriptor is the one whose address the table entry holds',
      'Nothing compares the destination with the sender, and no destination is a broadcast: FFH in xAPIC form is entry 255. Both follow from the text, which does not mention them',
    ],
    ['8 step 3 bits 5:0', 'An entry that is not valid (bit 0) or has a reserved bit (5:1) is an APIC-write exit'],
    ['8 step 3 width', 'An entry with a bit above the physical-address width is an APIC-write exit'],
    ['8 step 4', 'The vector is set in PIR before ON and SN are looked at'],
    ['8 step 5', 'If ON and SN are 0, ON is set and a notification follows'],
    ['8 step 5 suppressed', 'If ON or SN is 1 the IPI is posted without a notification'],
    ['8 step 6', 'The notification is an IPI with vector NV to NDST'],
  ]),
  ...rules('APIC-Write Emulation', 'arch/apic-write-emulation.test.ts', [
    [
      '8.1.1',
      'With virtual-interrupt delivery, shorthand self, edge, fixed, vector of 16 or above and reserved bits 0: self-IPI virtualization, whatever destination mode and level are',
    ],
    [
      '8.1.2',
      'Else with IPI virtualization, no shorthand, edge, physical, fixed and reserved bits 0: IPI virtualization to VICR_HI bits 31:24',
    ],
    ['8.1.3', 'Else an APIC-write exit with qualification 300H; no reserved bit faults'],
  ]),
  ...rules('Virtualizing MSR-Based APIC Accesses', 'arch/msr-access.test.ts', [
    ['8.2 without IPI virtualization', 'WRMSR 830H goes to the physical ICR'],
    ['8.2 fault', 'A reserved bit (31:20, 17:16, 13) in EAX is #GP(0); EDX is not checked'],
    ['8.2 store', 'The 64 bits are stored at 300H; 310H is not touched'],
    ['8.2 eligible', 'No shorthand, edge, physical, fixed, bit 12 clear: IPI virtualization to VICR bits 63:32'],
    ['8.2 exit', 'Otherwise an APIC-write exit with qualification 300H'],
    ['8.2 bit 12', 'Bit 12 neither faults nor is cleared: it makes an APIC-write exit'],
    ['8.2 self shorthand', 'Shorthand self is an APIC-write exit also with virtual-interrupt delivery'],
  ]),
  ...rules('Virtualizing SENDUIPI', 'arch/senduipi.test.ts', [
    ['8.3 UITT fault', 'An index beyond the table, an entry that is not valid and one with reserved bits are #GP(0)'],
    ['8.3 UPID fault', 'Reserved bits in the descriptor are #GP(0), with nothing posted'],
    ['8.3 no notification', 'With ON or SN set the interrupt is posted and that is all'],
    ['8.3 physical', 'Without TPR shadow the notification is a physical IPI'],
    ['8.3 x2APIC', 'With TPR shadow and without virtualized APIC accesses VICR is written in x2APIC form'],
    ['8.3 xAPIC', 'With both VICR is written in xAPIC form, from NDST bits 15:8'],
    ['8.3 IPI virtualization', 'With IPI virtualization the virtual IPI is then virtualized'],
    ['8.3 exit', 'Without it an APIC-write exit with qualification 300H follows'],
  ]),
];

const access: Rule[] = [
  ...rules('Virtualizing Memory-Mapped APIC Accesses', 'arch/apic-access.test.ts', [
    ['9 ordinary memory', 'Without virtualized APIC accesses the page is ordinary memory'],
    ['9.1 TPR shadow', 'Without TPR shadow every access exits'],
    ['9.1 size', 'An access above 32 bits exits'],
    ['9.1 slot', 'An access that is not inside the low 4 bytes of a 16-byte slot exits'],
    ['9.1 read after write', 'A read after a virtualized write of the same operation exits'],
    ['9.1 second write', 'A second write of the same operation exits if offset or size differ from the first'],
    ['9.1 fetch', 'An instruction fetch exits'],
    ['9.1 guest-physical', 'A guest-physical access exits, with the types 10 and 15'],
    ['9.2 TPR shadow', 'A read at 080H is virtualized'],
    [
      '9.2 virtual-interrupt delivery',
      'With virtual-interrupt delivery a read at exactly 0B0H or 300H is virtualized',
      'Editions up to 2019 let these reads exit; the current text is followed',
    ],
    ['9.2 register virtualization', 'With APIC-register virtualization reads inside most registers are virtualized'],
    ['9.2 otherwise', 'Every other read exits'],
    ['9.3 TPR shadow', 'A write at 080H is virtualized'],
    [
      '9.3 virtual-interrupt delivery',
      'With virtual-interrupt delivery a write at exactly 0B0H or 300H is virtualized',
    ],
    [
      '9.3 IPI virtualization',
      'With IPI virtualization alone a write at exactly 300H is virtualized; 310H still exits',
    ],
    [
      '9.3 register virtualization',
      'With APIC-register virtualization writes inside most writable registers are virtualized',
    ],
    ['9.3 otherwise', 'Every other write exits'],
  ]),
  ...rules('APIC-Write Emulation', 'arch/apic-write-emulation.test.ts', [
    ['9.4 080', 'Bytes 3:1 of VTPR are cleared, then TPR virtualization'],
    ['9.4 0B0', 'With virtual-interrupt delivery VEOI is cleared, whatever was written, then EOI virtualization'],
    ['9.4 300', 'The interrupt command is looked at once the whole operation is done'],
    ['9.4 310', 'Bytes 2:0 of VICR_HI are cleared and nothing else happens'],
    ['9.4 other', 'Any other offset, 081H, 0B1H and 301H among them, is an APIC-write exit with that offset'],
  ]),
  ...rulesWithMarks('Virtualizing Memory-Mapped APIC Accesses', 'arch/apic-access-table.test.ts', [
    [
      '9.5 020 ID',
      ['9.2 register virtualization', '9.3 register virtualization', '9.4 other'],
      'Read and write: register virtualization only; a write lands and exits (56)',
    ],
    [
      '9.5 030 version',
      ['9.2 register virtualization', '9.3 otherwise'],
      'Read: register virtualization only; a write exits (44)',
    ],
    ['9.5 080 TPR', ['9.2 TPR shadow', '9.4 080'], 'Read and write always virtualized'],
    ['9.5 090, 0A0, 0C0', ['9.2 otherwise', '9.3 otherwise'], 'Never virtualized'],
    [
      '9.5 0B0 EOI',
      ['9.2 virtual-interrupt delivery', '9.4 0B0', '9.4 other'],
      'Read: with virtual-interrupt delivery or register virtualization; a write without the former exits (44 or 56)',
    ],
    ['9.5 0D0, 0E0, 0F0', ['9.2 register virtualization', '9.3 register virtualization', '9.4 other'], 'As 020H'],
    ['9.5 100-270', ['9.2 register virtualization', '9.3 otherwise'], 'As 030H'],
    ['9.5 280 ESR', ['9.2 register virtualization', '9.3 register virtualization', '9.4 other'], 'As 020H'],
    ['9.5 2F0 CMCI', ['9.2 otherwise', '9.3 otherwise'], 'Never virtualized'],
    [
      '9.5 300 ICR low',
      ['9.2 virtual-interrupt delivery', '9.3 IPI virtualization', '8.1.1', '8.1.2', '8.1.3'],
      'A write is done without exit in self form with virtual-interrupt delivery, or eligible with IPI virtualization; else it lands and exits (56), or exits (44) with no control for it',
    ],
    [
      '9.5 310 ICR high',
      ['9.2 register virtualization', '9.4 310'],
      'Read and write without exit with register virtualization only',
    ],
    ['9.5 320-370, 380, 3E0', ['9.2 register virtualization', '9.3 register virtualization', '9.4 other'], 'As 020H'],
    ['9.5 390, 3F0', ['9.2 otherwise', '9.3 otherwise'], 'Never virtualized'],
  ]),
];

const msr: Rule[] = rules('Virtualizing MSR-Based APIC Accesses', 'arch/msr-access.test.ts', [
  ['10 RDMSR register virtualization', 'RDMSR of any of 800H-8FFH reads 8 bytes of the page and never faults'],
  ['10 RDMSR 808', 'Without it RDMSR 808H reads 8 bytes at 080H'],
  ['10 RDMSR other', 'Without it RDMSR of any other goes to the physical APIC'],
  ['10 WRMSR 808', 'WRMSR 808H stores 8 bytes, then TPR virtualization'],
  ['10 WRMSR 808 fault', 'Bits above 7 are #GP(0)'],
  ['10 WRMSR 80B', 'With virtual-interrupt delivery WRMSR 80BH of 0 stores 8 bytes, then EOI virtualization'],
  ['10 WRMSR 80B fault', 'Any other value is #GP(0)'],
  [
    '10 WRMSR 83F',
    'With virtual-interrupt delivery WRMSR 83FH stores at 3F0H; a vector of 16 or above is self-IPI virtualization',
  ],
  ['10 WRMSR 83F exit', 'A vector below 16 is an APIC-write exit with qualification 3F0H'],
  ['10 WRMSR 83F fault', 'Bits above 7 are #GP(0)'],
  [
    '10 WRMSR other',
    'WRMSR of any other, and of these without their control, goes to the physical APIC: register virtualization does not virtualize MSR writes',
  ],
]);

const delivery: Rule[] = [
  ...rules('Evaluation of Pending Virtual Interrupts', 'arch/evaluation.test.ts', [
    [
      '11 recognize',
      'A virtual interrupt is recognized if the class of RVI is above that of VPPR',
      'SEAM, where RVI below 31 would be cleared first, is not modelled',
    ],
    ['11 withdraw', 'Otherwise recognition ends: equal classes do not suffice'],
    ['11 interrupt-window exiting', 'With interrupt-window exiting nothing is recognized'],
  ]),
  ...rules('Updating Non-Register State', 'arch/vm-entry-apic.test.ts', [
    ['11 VM entry', 'VM entry with virtual-interrupt delivery does PPR virtualization and evaluates; RVI is trusted'],
  ]),
  ...rules('Virtual-Interrupt Delivery', 'arch/virtual-interrupt-delivery.test.ts', [
    [
      '11 delivery',
      'RVI moves from VIRR to VISR and becomes SVI, VPPR its class, RVI the highest left in VIRR; recognition ends and nothing is evaluated',
    ],
    ['11 IF', 'Not while RFLAGS.IF is 0'],
    ['11 STI and MOV SS', 'Not while STI or MOV SS blocks'],
    ['11 delivery without interrupt-window exiting', 'Not with interrupt-window exiting'],
    ['11 activity', 'Not in shutdown or wait-for-SIPI'],
    ['11 wake', 'It leaves HLT'],
  ]),
  ...rules('Interrupt-Window Exiting and Virtual-Interrupt Delivery', 'arch/interrupt-window.test.ts', [
    ['11 interrupt-window exit', 'With interrupt-window exiting an open window exits (7)'],
  ]),
  ...rules('Virtualizing User-Interrupt Notifications', 'arch/senduipi.test.ts', [
    [
      '11 user-interrupt notification',
      'A delivered vector equal to UINV ends as by EOI virtualization without the EOI-exit bitmap and without evaluation, and does not leave HLT',
    ],
  ]),
];

const posted: Rule[] = [
  ...rules('Posted-Interrupt Processing', 'arch/posted-interrupt-processing.test.ts', [
    ['12 step 1', 'The interrupt is acknowledged before the guest is asked anything: RFLAGS.IF does not matter'],
    [
      '12 step 2',
      'The vector is compared with the notification vector of the VMCS; NV and SN of the descriptor do not matter',
    ],
    ['12 step 2 exit', 'Any other vector is an external-interrupt exit'],
    ['12 not processed', 'Without "process posted interrupts" the notification is an ordinary external interrupt'],
    ['12 step 3', 'ON is cleared and the rest of the descriptor stays'],
    ['12 step 4', 'The EOI to the physical APIC comes before PIR is taken'],
    ['12 step 5', 'PIR moves to VIRR'],
    ['12 step 6', 'RVI rises to the highest vector that was in PIR; an empty PIR leaves it'],
    ['12 step 7', 'Pending virtual interrupts are evaluated'],
  ]),
  ...rules('Virtual-Interrupt Posting', 'arch/posting.test.ts', [
    ['13 layout', 'PIR is bits 255:0, ON 256, SN 257, NV 279:272, NDST 319:288; other bits are reserved'],
    ['13 NDST x2APIC', 'With the host in x2APIC mode NDST is the APIC ID'],
    ['13 NDST xAPIC', 'With the host in xAPIC mode bits 15:8 of NDST are'],
    ['13 poster PIR', 'An agent sets PIR first'],
    ['13 poster ON', 'With ON already 1 it does not notify'],
    ['13 poster SN', 'With SN 1 it leaves ON alone and does not notify'],
    ['13 poster URG', 'An urgent interrupt-remapping entry overrides SN', 'One source'],
    ['13 poster notification', 'Otherwise it sets ON and sends NV to NDST'],
    ['13 software PIR already set', 'Linux stops if the PIR bit was set (vmx_deliver_posted_interrupt)'],
    ['13 software ignores SN', 'Linux looks at ON only'],
  ]),
];

const events: Rule[] = rules('Priority Among Concurrent Events (vol. 3A)', 'arch/event-priority.test.ts', [
  ['14 APIC-write emulation', 'APIC-write emulation and its exits come first'],
  ['14 TPR below threshold', 'The TPR-threshold exit after VM entry comes before SMI'],
  ['14 SMI', 'SMI comes before INIT'],
  ['14 INIT', 'INIT comes before MTF exits'],
  ['14 MTF', 'MTF exits come before trap-class debug exceptions'],
  ['14 debug trap', 'Debug traps come before the preemption timer'],
  ['14 preemption timer', 'The preemption timer comes before the NMI window'],
  ['14 NMI window', 'NMI-window exits come before NMI'],
  ['14 NMI', 'NMI comes before interrupt window and virtual interrupts'],
  [
    '14 guest timer',
    'Guest-timer events come before virtual interrupts',
    'The SDM puts them below external interrupts and above virtual interrupts, and virtual interrupts above external ones: a circle. They are put right above interrupt window and virtual interrupts',
  ],
  ['14 interrupt window', 'Interrupt-window exits come before external interrupts'],
  ['14 virtual interrupt', 'Virtual-interrupt delivery comes before external interrupts'],
  [
    '14 external interrupt',
    'External interrupts come last; one that exits does not ask RFLAGS.IF',
    'Whether STI and MOV SS block an interrupt that exits is up to the implementation: here they do',
  ],
]);

const timer: Rule[] = [
  ...rules('Guest Timer', 'arch/guest-timer.test.ts', [
    ['15 VM entry', 'VM entry loads the guest deadline'],
    ['15 VM exit', 'VM exit saves and clears it', 'That it is saved follows from its place in the guest-state area'],
    ['15 RDMSR', 'RDMSR of IA32_TSC_DEADLINE reads the shadow'],
    ['15 WRMSR 0', 'WRMSR of 0 disarms'],
    [
      '15 WRMSR future',
      'WRMSR of a deadline above the virtual TSC arms, converted by offset and multiplier',
      'Rounding and overflow of the conversion are open: rounded up, and the greatest value on overflow',
    ],
    ['15 WRMSR past', 'WRMSR of any other is processed as a guest-timer event at once'],
    [
      '15 event',
      'The event sets the virtual timer vector in VIRR, raises RVI, evaluates and clears deadline and shadow; HLT stays HLT',
    ],
    ['15 suppressed', 'No event in shutdown or wait-for-SIPI'],
  ]),
];

/** The rules of APIC virtualization, posted interrupts, IPI virtualization and the guest timer. */
export const apicRules: readonly Rule[] = [
  ...page,
  ...tpr,
  ...priorityAndEoi,
  ...ipi,
  ...access,
  ...msr,
  ...delivery,
  ...posted,
  ...events,
  ...timer,
];
