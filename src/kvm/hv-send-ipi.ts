import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { apicAcceptIrq } from './accept-irq.js';
import { type KvmMachine, type KvmVcpu, type KvmVm, kvm, vcpuOf } from './machine.js';
import { HvCall, HvStatus, type ParavirtMemory } from './paravirt.js';
import { KvmRecord } from './records.js';

const { program, stage } = kvm;

/** What a call asks for, read from registers or from the input page. */
interface Request {
  vector: number;
  /** Every virtual processor, whatever the banks say. */
  all: boolean;
  /** Which banks of 64 there are, and those banks one after the other, low word first. */
  validBanks: readonly [low: number, high: number];
  banks: readonly number[];
}

function bitsIn(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Decodes the call, or says what is wrong with it. Linux `kvm_hv_send_ipi`, `kvm_get_sparse_vp_set`. */
function decode(machine: KvmMachine, vcpu: KvmVcpu): Request | number {
  const [input = 0, inputHigh = 0, first = 0, firstHigh = 0, second = 0, secondHigh = 0] = vcpu.exit.operands;
  const code = input & 0xffff;
  const fast = (input & HvCall.fast) !== 0;
  const variable = (input >>> 17) & 0x3ff;
  // Neither call repeats.
  if (inputHigh !== 0) return HvStatus.invalidInput;
  const page = (machine.paravirt[vcpu.id] as ParavirtMemory).input;
  const word = (index: number): number => page[index] ?? 0;
  if (code === HvCall.sendIpi) {
    if (variable !== 0 || (fast && firstHigh !== 0)) return HvStatus.invalidInput;
    const vector = fast ? first : word(0);
    const banks = fast ? [second, secondHigh] : [word(2), word(3)];
    return { vector, all: false, validBanks: [1, 0], banks };
  }
  // Without the operands in XMM registers the larger call takes them from memory only.
  if (code !== HvCall.sendIpiEx || fast) return HvStatus.invalidCode;
  const validBanks = [word(4), word(5)] as const;
  const count = bitsIn(validBanks[0]) + bitsIn(validBanks[1]);
  if (variable !== count) return HvStatus.invalidInput;
  const banks = page.slice(6, 6 + 2 * count);
  return { vector: word(0), all: word(2) === 1, validBanks, banks };
}

/** True if the set has a virtual processor: its bank is there, and its bit set in it. Linux `hv_is_vp_in_sparse_set`. */
function isInSet({ all, validBanks, banks }: Request, index: number): boolean {
  if (all) return true;
  const bank = index >> 6;
  const valid = (word: number): number => validBanks[word >> 5] as number;
  if (bank > 63 || ((valid(bank) >>> (bank & 31)) & 1) === 0) return false;
  let before = 0;
  for (let lower = 0; lower < bank; lower++) before += (valid(lower) >>> (lower & 31)) & 1;
  const word = banks[2 * before + ((index >> 5) & 1)] ?? 0;
  return ((word >>> (index & 31)) & 1) === 1;
}

/**
 * HvCallSendSyntheticClusterIpi and its larger form: a walk over all virtual CPUs of the VM, for each a look into the set of virtual
 * processors (their numbers, not their APIC IDs). Returns a status; who could not be reached is not told. Linux `kvm_hv_send_ipi`,
 * `kvm_hv_send_ipi_to_many`.
 */
export const kvmHvSendIpi = program('kvm_hv_send_ipi', () => ({ next: 0 }), [
  stage('kvm_get_sparse_vp_set', 'hvSendIpi', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const request = decode(m, vcpu);
    if (typeof request === 'number') return request;
    if (request.vector < 0x10 || request.vector > 0xff) return HvStatus.invalidInput;
    observe(m, KvmRecord.hvSendIpi, request.vector, request.validBanks[0]);
    return undefined;
  }),
  stage(
    'kvm_hv_send_ipi_to_many',
    'deliveryLoopMatch',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const target = (m.vms[vcpu.vm] as KvmVm).vcpus[f.next];
      if (target === undefined) return done;
      f.next++;
      const request = decode(m, vcpu);
      if (typeof request === 'number' || !isInSet(request, vcpuOf(m, target).vcpuId)) return 'kvm_hv_send_ipi_to_many';
      const accept = call(m, cpu, apicAcceptIrq);
      accept.target = target;
      accept.low = 0x4000 | request.vector;
      return 'kvm_hv_send_ipi_to_many';
    },
    { to: ['kvm_hv_send_ipi_to_many'] },
  ),
]);
