import { retireInstruction } from '../engine/frames.js';
import type { Thread } from '../engine/state.js';
import type { KvmMachine, KvmVcpu } from './machine.js';
import { loadedContext } from './nested/guest-mode.js';

/**
 * The instruction that exited has been emulated: the guest goes on behind it, with `value` in its register, and with blocking by STI and
 * MOV SS over. Linux `kvm_skip_emulated_instruction`.
 */
export function skipInstruction(machine: KvmMachine, vcpu: KvmVcpu, value = 0): void {
  const guest = loadedContext(machine, vcpu);
  retireInstruction(machine.threads[guest.thread] as Thread, value);
  guest.interruptibility &= ~3;
}
