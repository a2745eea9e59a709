/**
 * Basic exit reasons, by the names that Linux gives them in `asm/vmx.h`. SDM vol. 3C, appendix C, "VMX Basic Exit Reasons".
 */
export const ExitReason = {
  /** Exception or non-maskable interrupt (NMI). */
  ExceptionNmi: 0,
  /** External interrupt. */
  ExternalInterrupt: 1,
  /** Triple fault. */
  TripleFault: 2,
  /** INIT signal. */
  InitSignal: 3,
  /** Start-up IPI (SIPI). */
  SipiSignal: 4,
  /** I/O system-management interrupt (SMI). */
  IOSystemManagementInterruptSmi: 5,
  /** Other SMI. */
  OtherSmi: 6,
  /** Interrupt window. */
  InterruptWindow: 7,
  /** NMI window. */
  NmiWindow: 8,
  /** Task switch. */
  TaskSwitch: 9,
  /** CPUID. */
  Cpuid: 10,
  /** GETSEC. */
  Getsec: 11,
  /** HLT. */
  Hlt: 12,
  /** INVD. */
  Invd: 13,
  /** INVLPG. */
  Invlpg: 14,
  /** RDPMC. */
  Rdpmc: 15,
  /** RDTSC. */
  Rdtsc: 16,
  /** RSM. */
  Rsm: 17,
  /** VMCALL. */
  Vmcall: 18,
  /** VMCLEAR. */
  Vmclear: 19,
  /** VMLAUNCH. */
  Vmlaunch: 20,
  /** VMPTRLD. */
  Vmptrld: 21,
  /** VMPTRST. */
  Vmptrst: 22,
  /** VMREAD. */
  Vmread: 23,
  /** VMRESUME. */
  Vmresume: 24,
  /** VMWRITE. */
  Vmwrite: 25,
  /** VMXOFF. */
  Vmoff: 26,
  /** VMXON. */
  Vmon: 27,
  /** Control-register accesses. */
  CrAccess: 28,
  /** MOV DR. */
  DrAccess: 29,
  /** I/O instruction. */
  IoInstruction: 30,
  /** RDMSR. */
  MsrRead: 31,
  /** WRMSR. */
  MsrWrite: 32,
  /** VM-entry failure due to invalid guest state. */
  InvalidState: 33,
  /** VM-entry failure due to MSR loading. */
  MsrLoadFail: 34,
  /** MWAIT. */
  MwaitInstruction: 36,
  /** Monitor trap flag. */
  MonitorTrapFlag: 37,
  /** MONITOR. */
  MonitorInstruction: 39,
  /** PAUSE. */
  PauseInstruction: 40,
  /** VM-entry failure due to machine-check event. */
  MceDuringVmentry: 41,
  /** TPR below threshold. */
  TprBelowThreshold: 43,
  /** APIC access. */
  ApicAccess: 44,
  /** Virtualized EOI. */
  EoiInduced: 45,
  /** Access to GDTR or IDTR. */
  GdtrIdtr: 46,
  /** Access to LDTR or TR. */
  LdtrTr: 47,
  /** EPT violation. */
  EptViolation: 48,
  /** EPT misconfiguration. */
  EptMisconfig: 49,
  /** INVEPT. */
  Invept: 50,
  /** RDTSCP. */
  Rdtscp: 51,
  /** VMX-preemption timer expired. */
  PreemptionTimer: 52,
  /** INVVPID. */
  Invvpid: 53,
  /** WBINVD or WBNOINVD. */
  Wbinvd: 54,
  /** XSETBV. */
  Xsetbv: 55,
  /** APIC write. */
  ApicWrite: 56,
  /** RDRAND. */
  Rdrand: 57,
  /** INVPCID. */
  Invpcid: 58,
  /** VMFUNC. */
  Vmfunc: 59,
  /** ENCLS. */
  Encls: 60,
  /** RDSEED. */
  Rdseed: 61,
  /** Page-modification log full. */
  PmlFull: 62,
  /** XSAVES. */
  Xsaves: 63,
  /** XRSTORS. */
  Xrstors: 64,
  /** PCONFIG. */
  Pconfig: 65,
  /** SPP-related event. */
  SppRelatedEvent: 66,
  /** UMWAIT. */
  Umwait: 67,
  /** TPAUSE. */
  Tpause: 68,
  /** LOADIWKEY. */
  Loadiwkey: 69,
  /** ENCLV. */
  Enclv: 70,
  /** ENQCMD PASID translation failure. */
  EnqcmdPasidTranslationFailure: 72,
  /** ENQCMDS PASID translation failure. */
  EnqcmdsPasidTranslationFailure: 73,
  /** Bus lock. */
  BusLock: 74,
  /** Instruction timeout. */
  Notify: 75,
  /** SEAMCALL. */
  Seamcall: 76,
  /** TDCALL. */
  Tdcall: 77,
  /** RDMSRLIST. */
  Rdmsrlist: 78,
  /** WRMSRLIST. */
  Wrmsrlist: 79,
  /** URDMSR. */
  Urdmsr: 80,
  /** UWRMSR. */
  Uwrmsr: 81,
  /** RDMSR (immediate form). */
  MsrReadImm: 84,
  /** WRMSRNS (immediate form). */
  MsrWriteImm: 85,
} as const;

/** A basic exit reason: one of the numbers of {@link ExitReason}. */
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];
