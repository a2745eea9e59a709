import { enterApicVirtualization } from '../arch/vm-entry-apic.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { currentVcpu, hardware } from './machine.js';
import { Record } from './records.js';
import { vmExit } from './vm-exit.js';

const { microcode, stage } = hardware;

/**
 * VMLAUNCH and VMRESUME, from the host thread's point of view: it returns when the guest has exited. Events that are pending are
 * recognised before the guest's first instruction. SDM vol. 3C, "VM Entries".
 */
export const vmEntry = microcode('vm-entry', () => ({}), [
  stage('load-guest-state', 'vmEntry', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, Record.vmEntry, vcpu.id);
    cpu.hostThread = cpu.thread;
    cpu.thread = vcpu.thread;
    cpu.nonRoot = 1;
    cpu.masked = 0;
    // Blocking by STI ends with the first instruction after the entry.
    cpu.shadow = (vcpu.interruptibility & 1) === 0 ? 0 : 1;
    cpu.attention = 1;
    const outcome = enterApicVirtualization(vcpu);
    if (outcome.kind === 'exit') vmExit(m, cpu, outcome);
  }),
]);
