import { observe } from '../engine/requests.js';
import { type KvmMachine, type KvmVcpu, makeRequest, VcpuRequest } from './machine.js';
import { KvmRecord } from './records.js';

/** Interruption information of #GP(0): valid, hardware exception, with an error code. */
const generalProtection = 0x8000_0b0d;

/**
 * The instruction that exited faults: it is not skipped, and the next entry injects #GP(0) on it. Linux `kvm_inject_gp`,
 * `kvm_multiple_exception`.
 */
export function kvmInjectGp(machine: KvmMachine, vcpu: KvmVcpu): void {
  observe(machine, KvmRecord.injectException, generalProtection & 0xff, 1);
  vcpu.exception = generalProtection;
  makeRequest(vcpu, VcpuRequest.event);
}
