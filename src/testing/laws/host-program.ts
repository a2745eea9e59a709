import { call } from '../../engine/frames.js';
import { recordKind } from '../../engine/records.js';
import { observe } from '../../engine/requests.js';
import { type Control, shared } from '../../engine/routine.js';
import { postByIommu } from '../../hardware/iommu-posting.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { currentTask, runQueueOf, TaskState } from '../../host/machine.js';
import { schedule } from '../../host/schedule.js';
import { reschedCurr } from '../../host/try-to-wake-up.js';
import { ApicvInhibit, kvmSetOrClearApicvInhibit } from '../../kvm/apicv.js';
import { ioapicWriteIndirect, kvmIoapicSetIrq } from '../../kvm/ioapic.js';
import { kvmPiUpdateIrte, remapped } from '../../kvm/irqfd.js';
import { type IoapicPin, type KvmMachine, type KvmVm, kvm, vcpuOf } from '../../kvm/machine.js';
import { pauseAllVcpus } from '../../kvm/pause.js';
import { vmxPiStartBypass } from '../../kvm/pi-load-put.js';
import { kvmIrqDeliveryToApic } from '../../kvm/send-ipi.js';
import { encodeHostOperation, type HostOperation, hostOperationKinds } from './operations.js';

const { program, stage, glue, until } = kvm;

/** What generated host programs tell their observers. */
export const HostRecord = {
  /** An operation begins: its number. */
  begin: recordKind('host-operation-begins', 'index', 'kind'),
} as const;

/** Operations of a host program at most. */
export const maxHostOperations = 12;

function hostLocals(): Record<string, number> {
  // The last three are the assigned device's message and its interrupt-remapping entry.
  const locals: Record<string, number> = {
    next: 0,
    count: 0,
    kind: 0,
    a: 0,
    b: 0,
    low: 0,
    destination: 0,
    irte: remapped,
  };
  for (let i = 0; i < maxHostOperations; i++) Object.assign(locals, { [`kind${i}`]: 0, [`a${i}`]: 0, [`b${i}`]: 0 });
  return locals;
}

/** Fills in a program. */
export function setHostProgram(locals: Record<string, number>, operations: readonly HostOperation[]): void {
  operations.forEach((operation, i) => {
    const [kind, a, b] = encodeHostOperation(operation);
    Object.assign(locals, { [`kind${i}`]: kind, [`a${i}`]: a, [`b${i}`]: b });
  });
  locals['next'] = 0;
  locals['count'] = operations.length;
}

function sendMessage(m: KvmMachine, cpu: LogicalProcessor, vm: number, low: number, destination: number): void {
  const delivery = call(m, cpu, kvmIrqDeliveryToApic);
  delivery.vm = vm;
  delivery.low = low;
  delivery.destination = destination;
}

function perform(
  m: KvmMachine,
  cpu: LogicalProcessor,
  f: Record<string, number>,
): Control<'post' | 'next' | 'compute' | 'entry'> {
  const index = f['next'] as number;
  const [kind, a, b] = [f[`kind${index}`] as number, f[`a${index}`] as number, f[`b${index}`] as number];
  Object.assign(f, { next: index + 1, kind, a, b });
  observe(m, HostRecord.begin, index, kind);
  switch (hostOperationKinds[kind]) {
    case 'message':
      sendMessage(m, cpu, 0, a, b);
      return 'next';
    case 'post': {
      const { vm } = vcpuOf(m, a);
      // Without APICv the route cannot be posted, and an AMD IOMMU's own way to is not modelled: the host's handler delivers.
      const { apicv, svm, bypassCount } = m.vms[vm] as KvmVm;
      if (apicv === 0 || svm === 1) {
        sendMessage(m, cpu, vm, 0x4000 | b, vcpuOf(m, a).vcpuId);
        return 'next';
      }
      if (bypassCount === 0) call(m, cpu, vmxPiStartBypass).vm = vm;
      return 'post';
    }
    case 'inhibit':
    case 'allow': {
      const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
      inhibit.mask = ApicvInhibit.hyperv;
      inhibit.set = hostOperationKinds[kind] === 'inhibit' ? 1 : 0;
      return 'next';
    }
    case 'preempt':
      call(m, cpu, reschedCurr).processor = a % m.processors.length;
      return 'next';
    case 'route': {
      const write = call(m, cpu, ioapicWriteIndirect);
      const { ioapic, vcpus } = m.vms[0] as KvmVm;
      write.pin = a;
      write.low = (ioapic[a] as IoapicPin).low;
      write.destination = b % vcpus.length;
      return 'next';
    }
    case 'mask':
    case 'unmask': {
      const write = call(m, cpu, ioapicWriteIndirect);
      const { low, destination } = (m.vms[0] as KvmVm).ioapic[a] as IoapicPin;
      Object.assign(write, { pin: a, destination });
      write.low = hostOperationKinds[kind] === 'mask' ? low | 0x1_0000 : low & ~0x1_0000;
      return 'next';
    }
    case 'hold':
    case 'raise': {
      const line = call(m, cpu, kvmIoapicSetIrq);
      line.pin = a;
      line.level = 1;
      return 'next';
    }
    case 'set-msi': {
      const update = call(m, cpu, kvmPiUpdateIrte);
      Object.assign(f, { low: a, destination: b });
      Object.assign(update, { low: a, destination: b, entry: f['irte'] as number });
      return 'entry';
    }
    case 'msi':
      if (f['low'] === 0) return 'next';
      if ((f['irte'] as number) >= 0)
        postByIommu(m, Math.floor((f['irte'] as number) / 256), (f['irte'] as number) & 0xff);
      else sendMessage(m, cpu, 0, f['low'] as number, f['destination'] as number);
      return 'next';
    case 'attach':
      if ((m.vms[0] as KvmVm).svm === 0) call(m, cpu, vmxPiStartBypass);
      return 'next';
    case 'pause':
      call(m, cpu, pauseAllVcpus);
      return 'next';
    default:
      return 'compute';
  }
}

function leave(m: KvmMachine, cpu: LogicalProcessor): undefined {
  currentTask(m, cpu.id).state = TaskState.interruptible;
  call(m, cpu, schedule);
}

const ready = (f: Record<string, number>): boolean => (f['next'] as number) < (f['count'] as number);

/** What both kinds of host thread do with an operation. */
const carryOut = [
  stage('perform', 'vcpuRunLoop', shared, perform, { to: ['post', 'next', 'compute', 'entry'] }),
  glue(
    'entry',
    (_m, _cpu, f: Record<string, number>, entry) => {
      f['irte'] = entry;
      return 'next';
    },
    { to: ['next'] },
  ),
  stage(
    'post',
    'vcpuRunLoop',
    shared,
    (m, _cpu, f: Record<string, number>) => {
      postByIommu(m, vcpuOf(m, f['a'] as number).pid, f['b'] as number);
      return 'next';
    },
    { to: ['next'] },
  ),
  stage('compute', 'vcpuRunLoop', shared, () => 'next', {
    to: ['next'],
    work: (_m, _cpu, f: Record<string, number>) => f['a'] as number,
  }),
] as const;

/** A host thread that carries out {@link HostOperation}s, one after the other. */
export const hostProgram = program('host_program', hostLocals, [
  stage('next', 'vcpuRunLoop', shared, (_m, _cpu, f) => (ready(f) ? 'perform' : 'leave'), { to: ['perform', 'leave'] }),
  ...carryOut,
  stage('leave', 'vcpuRunLoop', shared, leave),
]);

/** One that waits for operations from outside, its processor's only task. */
export const hostCommands = program('host_commands', hostLocals, [
  until('next', 'vcpuRunLoop', (_m, _cpu, f) => ready(f), { channel: () => -1 }),
  ...carryOut,
]);

/** Other load of the host: computes for a while, gives way where it is asked to, and ends. */
export const hostLoad = program('host_load', () => ({ rounds: 3, cycles: 20_000 }), [
  stage('compute', 'vcpuRunLoop', shared, () => {}, { work: (_m, _cpu, f) => f.cycles }),
  glue('cond_resched', (m, cpu) => {
    if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule).preempt = 1;
  }),
  stage('again', 'vcpuRunLoop', shared, (_m, _cpu, f) => (--f.rounds > 0 ? 'compute' : undefined), {
    to: ['compute'],
  }),
  stage('leave', 'vcpuRunLoop', shared, leave),
]);
