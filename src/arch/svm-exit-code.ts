import { ExitReason } from './exit-reason.js';

/** Exit codes of SVM are counted from here in records of exits, to tell them from basic exit reasons of VMX. */
export const svmExitBase = 0x1000;

/** Exit codes of SVM by their names in Linux `asm/svm.h`, without `SVM_EXIT_`. APM vol. 2, appendix C. */
export const SvmExit = {
  READ_CR8: 0x08,
  WRITE_CR8: 0x18,
  INTR: 0x60,
  NMI: 0x61,
  VINTR: 0x64,
  CPUID: 0x72,
  RSM: 0x73,
  IRET: 0x74,
  INVD: 0x76,
  PAUSE: 0x77,
  HLT: 0x78,
  IOIO: 0x7b,
  MSR: 0x7c,
  VMMCALL: 0x81,
  WBINVD: 0x89,
  MWAIT: 0x8b,
  NPF: 0x400,
  AVIC_INCOMPLETE_IPI: 0x401,
  AVIC_UNACCELERATED_ACCESS: 0x402,
} as const;

const codes: Readonly<Record<number, number>> = {
  [ExitReason.ExceptionNmi]: SvmExit.NMI,
  [ExitReason.ExternalInterrupt]: SvmExit.INTR,
  [ExitReason.InterruptWindow]: SvmExit.VINTR,
  [ExitReason.NmiWindow]: SvmExit.IRET,
  [ExitReason.Rsm]: SvmExit.RSM,
  [ExitReason.Cpuid]: SvmExit.CPUID,
  [ExitReason.Hlt]: SvmExit.HLT,
  [ExitReason.Invd]: SvmExit.INVD,
  [ExitReason.IoInstruction]: SvmExit.IOIO,
  [ExitReason.Wbinvd]: SvmExit.WBINVD,
  [ExitReason.Vmcall]: SvmExit.VMMCALL,
  [ExitReason.CrAccess]: SvmExit.WRITE_CR8,
  [ExitReason.MsrRead]: SvmExit.MSR,
  [ExitReason.MsrWrite]: SvmExit.MSR,
  [ExitReason.MwaitInstruction]: SvmExit.MWAIT,
  [ExitReason.PauseInstruction]: SvmExit.PAUSE,
  [ExitReason.EptViolation]: SvmExit.NPF,
  [ExitReason.EptMisconfig]: SvmExit.NPF,
};

/** The exit code of SVM for what VMX calls by a basic exit reason, counted from {@link svmExitBase}. */
export function svmExitCode(reason: number): number {
  return svmExitBase + (codes[reason] ?? reason);
}
