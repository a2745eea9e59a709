import { hasPrimary, Primary } from '../../arch/controls.js';
import { ExitReason } from '../../arch/exit-reason.js';
import { interceptsRead, interceptsWrite } from '../../arch/msr-bitmap.js';
import { nestedExitOwner } from '../../arch/nested/nested-interrupts.js';
import type { KvmMachine, KvmVcpu } from '../machine.js';
import { nestedOf } from './guest-mode.js';

function isApicMsr(msr: number): boolean {
  return msr >= 0x800 && msr <= 0x8ff;
}

/**
 * True if an exit from L2 is one that L1 asked for: it becomes an exit to L1. MSRs outside 800H-8FFH are L1's: their part of vmcs12's bitmap is
 * not modelled, and counts as set. Linux `nested_vmx_l0_wants_exit`, `nested_vmx_l1_wants_exit`.
 */
export function isForL1(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const { vmcs12, msrBitmap12 } = nestedOf(machine, vcpu);
  const { reason, msr } = vcpu.exit;
  switch (reason) {
    // NMIs of the host.
    case ExitReason.ExceptionNmi:
    case ExitReason.PreemptionTimer:
      return false;
    case ExitReason.EptViolation:
    case ExitReason.EptMisconfig:
      return false;
    case ExitReason.NmiWindow:
      return hasPrimary(vmcs12, Primary.nmiWindowExiting);
    case ExitReason.MsrRead:
      return !isApicMsr(msr) || interceptsRead(vmcs12, msrBitmap12, msr);
    case ExitReason.MsrWrite:
      return !isApicMsr(msr) || interceptsWrite(vmcs12, msrBitmap12, msr);
    case ExitReason.CrAccess:
      return hasPrimary(vmcs12, Primary.cr8LoadExiting) || hasPrimary(vmcs12, Primary.cr8StoreExiting);
    case ExitReason.PauseInstruction:
      return hasPrimary(vmcs12, Primary.pauseExiting);
    case ExitReason.MwaitInstruction:
      return hasPrimary(vmcs12, Primary.mwaitExiting);
    case ExitReason.MonitorInstruction:
      return hasPrimary(vmcs12, Primary.monitorExiting);
    default:
      // CPUID, VMCALL and the instructions of VMX always are.
      return nestedExitOwner(vmcs12, reason as ExitReason) !== 'L0';
  }
}
