import { testBit } from '../arch/bits256.js';
import { ipiVirtualizationSteps } from '../arch/ipi-virtualization.js';
import { notify, observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { currentVcpu, type HardwareMachine, hardware } from './machine.js';
import { carryOut, stepNamed, stepStage } from './outcome.js';
import { AnnouncedBy, Record } from './records.js';

const { microcode, stage } = hardware;
const steps = ipiVirtualizationSteps;
const setPir = stepNamed(steps, 'set-pir');
const setOn = stepNamed(steps, 'set-on');

/** The cache line of a descriptor. */
export function descriptorLine(machine: HardwareMachine, pid: number): number {
  return pid < 0 ? -1 : (machine.vcpus[pid]?.descriptorLine ?? -1);
}

/** IPI virtualization of an eligible ICR write. SDM vol. 3C, "IPI Virtualization". */
export const ipiVirtualization = microcode(
  'ipi-virtualization',
  () => ({ vector: 0, destination: 0, pid: -1, nv: 0, ndst: 0 }),
  [
    // What the table holds is changed at set-up only, but it may end in a VM exit.
    stepStage(stepNamed(steps, 'read-pid-pointer'), 'pidPointerRead', shared),
    stage(
      'set-pir',
      'pidPirSet',
      shared,
      (m, cpu, f) => {
        const descriptor = m.memory.descriptors[f.pid];
        const pending = descriptor !== undefined && testBit(descriptor.pir, f.vector);
        observe(m, pending ? Record.coalesced : Record.posted, f.pid, f.vector);
        setPir.run(m.vcpus[cpu.vcpu] as never, m.memory, f);
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) },
    ),
    stage(
      'set-on',
      'pidOnSet',
      shared,
      (m, cpu, f) => {
        const descriptor = m.memory.descriptors[f.pid];
        const before = descriptor?.on;
        const outcome = setOn.run(currentVcpu(m, cpu), m.memory, f);
        if (before === 0 && descriptor?.on === 1) observe(m, Record.announced, f.pid, AnnouncedBy.ipiVirtualization);
        // A target whose hypervisor polls the descriptor sees it, whether or not ON was set.
        notify(m, m.vcpus[f.pid]?.channel ?? -1);
        return carryOut(m, cpu, outcome);
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) },
    ),
    stepStage(stepNamed(steps, 'notify'), 'notificationSend', shared),
  ],
);
