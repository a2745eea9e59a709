import { call } from '../engine/frames.js';
import { type Control, done, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { kvmVcpuUpdateApicv } from './apicv.js';
import { kvmCheckAndInjectEvents } from './inject.js';
import { loadEoiExitmap } from './ioapic.js';
import { kvmMigrateApicTimer } from './lapic-timer.js';
import { type KvmMachine, kvm, VcpuRequest } from './machine.js';
import { loadedContext } from './nested/guest-mode.js';
import { processSmi } from './smm.js';

const { program, stage, glue } = kvm;

/** Takes a request if it is there: a locked bit operation. Linux `kvm_check_request`. */
function take(machine: KvmMachine, processor: LogicalProcessor, request: number): boolean {
  const vcpu = currentVcpu(machine, processor);
  if ((vcpu.requests & request) === 0) return false;
  fence(machine, processor);
  vcpu.requests &= ~request;
  return true;
}

/** Interruption information: valid, NMI, vector 2. */
const injectedNmi = 0x8000_0202;

type Next = 'serve' | 'KVM_REQ_EVENT';

function serve(machine: KvmMachine, processor: LogicalProcessor): Control<Next> {
  const vcpu = currentVcpu(machine, processor);
  if (take(machine, processor, VcpuRequest.migrateTimer)) {
    call(machine, processor, kvmMigrateApicTimer);
    return 'serve';
  }
  if (take(machine, processor, VcpuRequest.apicvUpdate)) {
    call(machine, processor, kvmVcpuUpdateApicv);
    return 'serve';
  }
  if (take(machine, processor, VcpuRequest.nmi)) {
    // Linux `process_nmi`: one more can wait while one is being handled, or was to be when its entry was called off.
    const handled = (loadedContext(machine, vcpu).interruptibility & 8) !== 0 || vcpu.injected === injectedNmi;
    vcpu.nmiPending = Math.min(vcpu.nmiPending + vcpu.nmiQueued, handled ? 1 : 2);
    vcpu.nmiQueued = 0;
    vcpu.requests |= VcpuRequest.event;
    return 'serve';
  }
  if (take(machine, processor, VcpuRequest.smi)) {
    processSmi(vcpu);
    return 'serve';
  }
  if (take(machine, processor, VcpuRequest.scanIoapic)) {
    vcpu.requests |= VcpuRequest.loadEoiExitmap;
    return 'serve';
  }
  if (take(machine, processor, VcpuRequest.loadEoiExitmap)) {
    loadEoiExitmap(machine, vcpu);
    return 'serve';
  }
  return 'KVM_REQ_EVENT';
}

/**
 * What others asked of a virtual CPU, in the kernel's order, and last what is to be injected. Returns 1 if the virtual CPU cannot run now.
 * Linux `vcpu_enter_guest`, its first part.
 */
export const kvmCheckRequests = program('kvm_check_requests', () => ({}), [
  stage('serve', 'serveRequest', shared, serve, {
    to: ['serve', 'KVM_REQ_EVENT'],
    line: (m, cpu) => currentVcpu(m, cpu).modeLine,
  }),
  stage('KVM_REQ_EVENT', 'serveRequest', shared, (m, cpu) => {
    if (!take(m, cpu, VcpuRequest.event)) return done;
    call(m, cpu, kvmCheckAndInjectEvents);
    return undefined;
  }),
  glue('stopped', (_m, _cpu, _f, stopped) => stopped),
]);
