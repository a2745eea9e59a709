import { observe } from '../engine/requests.js';
import { type KvmMachine, type KvmVcpu, makeRequest, VcpuRequest } from './machine.js';
import { KvmRecord } from './records.js';

/** Interruption information of #GP(0): valid, hardware exception, with an error code. */
const generalProtection = 0x8000_0b0d;

/** The same of #UD. */
const undefinedOpcode = 0x8000_0306;

/** The instruction that exited is none: the next entry injects #UD on it. Linux `kvm_queue_exception`. */
export function kvmInjectUd(machine: KvmMachine, vcpu: KvmVcpu): void {
  observe(machine, KvmRecord.injectException, undefinedOpcode & 0xff, 0);
  vcpu.exception = undefinedOpcode;
  makeRequest(vcpu, VcpuRequest.event);
}

/**
 * The instruction that exited faults: it is not skipped, and the next entry injects #GP(0) on it. Linux `kvm_inject_gp`,
 * `kvm_multiple_exception`.
 */
export function kvmInjectGp(machine: KvmMachine, vcpu: KvmVcpu): void {
  observe(machine, KvmRecord.injectException, generalProtection & 0xff, 1);
  vcpu.exception = generalProtection;
  makeRequest(vcpu, VcpuRequest.event);
}
