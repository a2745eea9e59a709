import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { acceptedRemoteRead, apicAcceptIrq } from './accept-irq.js';
import { kvmHvSendIpi } from './hv-send-ipi.js';
import { kvm, vmOf } from './machine.js';
import { kvmSchedYield } from './on-spin.js';
import { Hypercall, HypercallError } from './paravirt.js';
import { kvmPvSendIpi } from './pv-send-ipi.js';
import { KvmRecord } from './records.js';
import { skipInstruction } from './skip-instruction.js';

const { program, stage, glue } = kvm;

/**
 * A hypercall: of KVM's own those that concern interrupts, or of Hyper-V's where the guest was offered those. What was not offered does
 * not exist. Linux `kvm_emulate_hypercall`, `kvm_hv_hypercall`.
 */
export const kvmEmulateHypercall = program('kvm_emulate_hypercall', () => ({ yieldTo: -1, result: 0 }), [
  stage(
    'dispatch',
    'emulateHypercall',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const vm = vmOf(m, vcpu);
      const { msr: number, operands } = vcpu.exit;
      if (vm.hypervPvIpi === 1) {
        observe(m, KvmRecord.hvHypercall, operands[0] ?? 0, vcpu.vcpuId);
        call(m, cpu, kvmHvSendIpi);
        return 'result';
      }
      observe(m, KvmRecord.hypercall, number, operands[0] ?? 0);
      if (number === Hypercall.sendIpi && vm.pvIpi === 1) {
        const send = call(m, cpu, kvmPvSendIpi);
        send.vm = vcpu.vm;
        [send.word0 = 0, send.word1 = 0, send.word2 = 0, send.word3 = 0, send.min = 0, send.low = 0] = operands;
        return 'result';
      }
      const target = vm.apicMap[operands[number === Hypercall.kickCpu ? 2 : 0] ?? -1] ?? -1;
      if (number === Hypercall.kickCpu && vm.pvUnhalt === 1) {
        f.yieldTo = target;
        if (target < 0) return undefined;
        const kick = call(m, cpu, apicAcceptIrq);
        kick.target = target;
        kick.low = acceptedRemoteRead;
        return undefined;
      }
      if (number === Hypercall.schedYield && vm.pvSchedYield === 1) {
        f.yieldTo = target;
        return undefined;
      }
      f.result = HypercallError.noSuchCall;
      return 'kvm_skip_emulated_instruction';
    },
    { to: ['result', 'kvm_skip_emulated_instruction'] },
  ),
  // A kick also lends the kicked one the processor.
  glue('kvm_sched_yield', (m, cpu, f) => {
    if (f.yieldTo >= 0) call(m, cpu, kvmSchedYield).target = f.yieldTo;
  }),
  glue('yielded', () => 'kvm_skip_emulated_instruction', { to: ['kvm_skip_emulated_instruction'] }),
  glue('result', (_m, _cpu, f, result) => {
    f.result = result;
  }),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu, f) => {
    skipInstruction(m, currentVcpu(m, cpu), f.result);
  }),
]);
