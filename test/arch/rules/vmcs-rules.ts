import type { Rule } from './rule.js';

type Row = readonly [id: string, statement: string, reading?: string];

function rules(section: string, test: string, rows: readonly Row[]): Rule[] {
  return rows.map(([id, statement, reading]) => ({
    id,
    section,
    statement,
    test,
    ...(reading === undefined ? {} : { reading }),
  }));
}

const oneSource = 'Stated by one source only';

/** Where each control lives, and what activates its word. */
const controls: readonly Rule[] = [
  ...rules('Pin-Based VM-Execution Controls', 'arch/apic-controls.test.ts', [
    ['1 EIE', 'External-interrupt exiting is bit 0 of the pin-based controls'],
    ['1 PPI', 'Process posted interrupts is bit 7 of the pin-based controls'],
  ]),
  ...rules('Processor-Based VM-Execution Controls', 'arch/apic-controls.test.ts', [
    ['1 IWE', 'Interrupt-window exiting is bit 2 of the primary controls'],
    ['1 CR8-load exiting', 'CR8-load exiting is bit 19 of the primary controls'],
    ['1 CR8-store exiting', 'CR8-store exiting is bit 20 of the primary controls'],
    ['1 TPRS', 'Use TPR shadow is bit 21 of the primary controls'],
    ['1 use MSR bitmaps', 'Use MSR bitmaps is bit 28 of the primary controls'],
    ['1 VAA', 'Virtualize APIC accesses is bit 0 of the secondary controls'],
    ['1 VX2', 'Virtualize x2APIC mode is bit 4 of the secondary controls'],
    ['1 ARV', 'APIC-register virtualization is bit 8 of the secondary controls'],
    ['1 VID', 'Virtual-interrupt delivery is bit 9 of the secondary controls'],
    ['1 IPIV', 'IPI virtualization is bit 4 of the tertiary controls, which have 64 bits'],
    ['1 APIC-timer virtualization', 'APIC-timer virtualization is bit 8 of the tertiary controls', oneSource],
    ['1 secondary not activated', 'Without primary bit 31 every secondary control counts as 0'],
    [
      '1 tertiary not activated',
      'Without primary bit 17 every tertiary control counts as 0',
      'No rule ties primary bit 17 to bit 31: tertiary controls count without secondary ones',
    ],
  ]),
  ...rules('VM-Exit Controls', 'arch/apic-controls.test.ts', [
    ['1 acknowledge interrupt on exit', 'Acknowledge interrupt on exit is bit 15 of the primary VM-exit controls'],
  ]),
];

const checks = 'arch/vm-entry-checks.test.ts';

const executionControls: readonly Rule[] = rules('VM-Execution Control Fields (VM-entry checks)', checks, [
  ['E1', 'With TPR shadow the virtual-APIC address is 4-KiB aligned and inside the physical-address width'],
  ['E2', 'With virtualized APIC accesses the APIC-access address is 4-KiB aligned and inside the width'],
  ['E3', 'With TPR shadow and without virtual-interrupt delivery bits 31:4 of the TPR threshold are 0'],
  [
    'E4',
    'With TPR shadow, without virtualized APIC accesses and virtual-interrupt delivery the TPR threshold is at most VTPR bits 7:4',
  ],
  [
    'E5',
    'Without TPR shadow there is no "virtualize x2APIC mode", APIC-register virtualization, virtual-interrupt delivery or IPI virtualization',
    'For IPI virtualization stated by one source only',
  ],
  ['E6', '"Virtualize x2APIC mode" excludes "virtualize APIC accesses"'],
  ['E7', 'Virtual-interrupt delivery needs external-interrupt exiting'],
  [
    'E8',
    'Posted interrupts need virtual-interrupt delivery, acknowledge interrupt on exit, a notification vector of 8 bits and a descriptor that is 64-byte aligned inside the width',
  ],
  [
    'E9',
    'The PID-pointer table is 8-byte aligned, and its first and last entry are inside the width; its entries are not looked at',
    'Stated by one source only; no limit of one page is taken from it, since the index has 16 bits',
  ],
  [
    'E10',
    'APIC-timer virtualization needs virtual-interrupt delivery, excludes RDTSC exiting, and its vector has 8 bits',
    oneSource,
  ],
  ['allowed settings', 'Every activated word of controls has only settings that the capability MSRs allow'],
  ['allowed settings not activated', 'A word of controls that is not activated is not checked, whatever it holds'],
  ['MSR bitmaps', 'With MSR bitmaps their address is 4-KiB aligned and inside the width'],
  ['virtual NMIs', 'Virtual NMIs need NMI exiting'],
  ['NMI window', 'NMI-window exiting needs virtual NMIs'],
]);

const entryControls: readonly Rule[] = rules('VM-Entry Control Fields (VM-entry checks)', checks, [
  ['MSR area', 'An MSR area that is not empty is 16-byte aligned and inside the width, to its last byte'],
  ['SMM controls', 'Entry to SMM and the end of dual-monitor treatment are for SMM only, and exclude each other'],
  ['event type', 'An event to inject does not have the reserved type 1; type 7 needs support of the monitor trap flag'],
  [
    'event vector',
    'An injected NMI has vector 2, a hardware exception one up to 31, an other event 0',
    'The vectors that FRED adds for other events are not modelled',
  ],
  [
    'event error-code bit',
    'Only a hardware exception in protected mode has an error code, and unless IA32_VMX_BASIC[56] is 1 exactly those with vector 8, 10-14 and 17',
  ],
  [
    'event reserved bits',
    'Bits 30:12 of the identification are 0; bit 13 may be 1 if nested exceptions are supported',
    'Bit 13 is taken to be for hardware exceptions only',
  ],
  ['event error code', 'Bits 31:16 of an error code that is delivered are 0'],
  ['event instruction length', 'A software event has a length of 1-15, or 0 if IA32_VMX_MISC[30] is 1'],
]);

const state: readonly Rule[] = [
  ...rules('Checks on Host Segment and Descriptor-Table Registers', checks, [
    ['host selector', 'RPL and TI of every host selector are 0'],
    ['host selector null', 'CS and TR are not 0, nor is SS for a 32-bit host'],
  ]),
  ...rules('Checks on Guest RIP, RFLAGS, and SSP', checks, [
    ['guest IF', 'RFLAGS.IF is 1 if an external interrupt is injected'],
  ]),
  ...rules('Checks on Guest Non-Register State', checks, [
    ['activity state', 'The activity state is one that the processor supports'],
    ['activity HLT', 'HLT needs DPL 0 in SS'],
    ['activity blocking', 'Blocking by STI or MOV SS needs the active state'],
    [
      'activity event',
      'In HLT only external interrupts, NMIs, #DB, #MC and a pending MTF can be injected, in shutdown only NMIs and #MC, in wait-for-SIPI nothing',
    ],
    ['activity SMM', 'Wait-for-SIPI does not go with entry to SMM'],
    ['interruptibility reserved bits', 'Bits 31:5 of the interruptibility state are 0'],
    ['interruptibility STI and MOV SS', 'Blocking by STI and by MOV SS exclude each other'],
    ['interruptibility STI', 'Blocking by STI needs RFLAGS.IF = 1'],
    ['interruptibility external interrupt', 'Neither STI nor MOV SS blocks when an external interrupt is injected'],
    [
      'interruptibility NMI',
      'MOV SS does not block when an NMI is injected',
      'A processor may demand the same of STI; this one does not',
    ],
    ['interruptibility SMI', 'Outside SMM SMIs are not blocked'],
    ['interruptibility SMM entry', 'With entry to SMM SMIs are blocked'],
    ['interruptibility virtual NMI', 'NMIs are not blocked when a virtual NMI is injected'],
    ['interruptibility enclave', 'Enclave interruption needs SGX and excludes blocking by MOV SS'],
  ]),
];

const msrs: readonly Rule[] = [
  ...rules('Loading MSRs', checks, [
    ['E11', 'An entry of an MSR area that names MSR 800H-8FFH fails'],
    ['MSR load', 'So does one with reserved bits, a segment base, or IA32_SMM_MONITOR_CTL outside SMM'],
    ['entry failure 34', 'An entry that can not be loaded fails VM entry with exit 34, its number as qualification'],
  ]),
  ...rules('VMX Aborts', checks, [
    ['abort 1', 'At VM exit an entry that can not be stored is VMX abort 1'],
    ['abort 4', 'At VM exit an entry that can not be loaded is VMX abort 4'],
  ]),
];

const outcomes: readonly Rule[] = [
  ...rules('Checks on VMX Controls and Host-State Area', checks, [
    ['entry error 7', 'Bad controls fail VM entry with VMfailValid 7'],
    [
      'entry error 8',
      'Bad host state fails VM entry with VMfailValid 8',
      'The processor may check host state before controls; this one checks controls first',
    ],
  ]),
  ...rules('VM-Entry Failures During or After Loading Guest State', checks, [
    ['entry failure 33', 'Bad guest state fails VM entry with exit 33, bit 31 of the exit reason set'],
  ]),
];

/** The rules of the VMCS: activation of controls, and VM entry. */
export const vmcsRules: readonly Rule[] = [
  ...controls,
  ...executionControls,
  ...entryControls,
  ...state,
  ...msrs,
  ...outcomes,
];
