import { call } from '../engine/frames.js';
import { type Control, done, shared } from '../engine/routine.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { apicAcceptIrq } from './accept-irq.js';
import { isApicEnabled } from './apic-map.js';
import { type KvmMachine, type KvmVm, kvm, vcpuOf } from './machine.js';
import { HypercallError } from './paravirt.js';

const { program, stage } = kvm;

/** Logical destination mode and shorthands, which the call does not take. */
const notTaken = 0xc_0800;

const locals = () => ({ vm: 0, low: 0, min: 0, word0: 0, word1: 0, word2: 0, word3: 0, next: 0, count: 0 });
type Call = ReturnType<typeof locals>;

function bitOf(f: Call, index: number): number {
  const word = [f.word0, f.word1, f.word2, f.word3][index >> 5] as number;
  return (word >>> (index & 31)) & 1;
}

/** Delivers to the next virtual CPU of the bitmap; IDs that nobody has are passed over. */
function deliverNext(machine: KvmMachine, processor: LogicalProcessor, f: Call): Control {
  const { apicMap } = machine.vms[f.vm] as KvmVm;
  while (f.next < 128 && f.min + f.next < apicMap.length) {
    const index = f.next++;
    const target = bitOf(f, index) === 1 ? (apicMap[f.min + index] ?? -1) : -1;
    if (target < 0) continue;
    if (isApicEnabled(vcpuOf(machine, target))) f.count++;
    const accept = call(machine, processor, apicAcceptIrq);
    accept.target = target;
    accept.low = f.low;
    return undefined;
  }
  return done;
}

/**
 * Sends to the virtual CPUs whose APIC IDs are set in a bitmap of 128 bits that begins at `min`; `low` is an ICR's low half. Returns how
 * many took it, or an error. Nothing of `kvm_apic_ipi` is traced: each delivery is like any other. Linux `kvm_pv_send_ipi`,
 * `__pv_send_ipi`.
 */
export const kvmPvSendIpi = program('kvm_pv_send_ipi', locals, [
  stage('check', 'pvSendIpi', shared, (_m, _cpu, f) => {
    if ((f.low & notTaken) !== 0) return HypercallError.invalid;
    // Vector, delivery mode, level and trigger mode are taken.
    f.low &= 0xc7ff;
    return undefined;
  }),
  stage(
    '__pv_send_ipi',
    'deliveryLoop',
    shared,
    (m, cpu, f) => (deliverNext(m, cpu, f) === done ? 'count' : '__pv_send_ipi'),
    { to: ['count', '__pv_send_ipi'] },
  ),
  stage('count', 'deliveryLoop', shared, (_m, _cpu, f) => f.count),
]);
