import { ExitReason } from '../arch/exit-reason.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { type KvmMachine, Mitigation, vmOf } from './machine.js';

/** The exits whose handlers are called directly where retpolines are in use, since 5.6. Linux `__vmx_handle_exit`, `svm_invoke_exit_handler`. */
const direct: readonly number[] = [
  ExitReason.MsrWrite,
  ExitReason.PreemptionTimer,
  ExitReason.InterruptWindow,
  ExitReason.ExternalInterrupt,
  ExitReason.Hlt,
  ExitReason.EptMisconfig,
];

function usesRetpolines({ mitigations }: KvmMachine): boolean {
  return (mitigations & Mitigation.retpoline) !== 0;
}

/** True if the vendor's operations are called through retpolines: before static calls (5.12, commit b3646477d458). */
export function retpolinesVendorOps(machine: KvmMachine, processor: LogicalProcessor): boolean {
  return usesRetpolines(machine) && vmOf(machine, currentVcpu(machine, processor)).staticCalls === 0;
}

/** True if the handler of an exit is called through a retpoline: all of them before 5.6 (commit 4289d2728664), then those that are not frequent. */
export function retpolinesHandler(machine: KvmMachine, processor: LogicalProcessor): boolean {
  if (!usesRetpolines(machine)) return false;
  const vcpu = currentVcpu(machine, processor);
  return vmOf(machine, vcpu).directExits === 0 || !direct.includes(vcpu.exit.reason);
}
