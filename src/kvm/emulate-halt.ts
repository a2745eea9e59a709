import { hasEvents } from './has-events.js';
import { type KvmMachine, type KvmVcpu, MpState } from './machine.js';
import { skipInstruction } from './skip-instruction.js';

/** HLT has been executed: the virtual CPU is halted unless there is something for it. Linux `kvm_emulate_halt`. */
export function emulateHalt(machine: KvmMachine, vcpu: KvmVcpu): void {
  skipInstruction(machine, vcpu);
  if (hasEvents(machine, vcpu)) vcpu.pvUnhalted = 0;
  else vcpu.mpState = MpState.halted;
}
