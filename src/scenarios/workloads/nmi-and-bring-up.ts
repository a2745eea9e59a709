import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { guestNmiHandler, guestSmiHandler, startSecondary } from '../../guest/bring-up.js';
import { eventLoop, SentEvent } from '../../guest/event-loop.js';
import { busyLoop, haltLoop } from '../../guest/smp.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { startUpHandler } from '../../kvm/accept-events.js';
import { startGuest } from '../../kvm/create-vm.js';
import { MpState } from '../../kvm/machine.js';
import { smiHandler } from '../../kvm/smm.js';
import { vcpuNumber } from '../schema-values.js';
import { setUnitTestHandlers } from './unit-test-guest.js';
import { allIterations, type Measured, measured, requireVcpu, type WorkloadSetting, workloadKind } from './workload.js';

const ends = { from: v.optional(vcpuNumber, 0), to: v.optional(vcpuNumber, 1) };

function start(
  setting: WorkloadSetting,
  workload: Measured & { readonly from: number; readonly to: number },
  event: number,
  idle: 'loop' | 'hlt',
): void {
  const { from, to } = workload;
  const total = allIterations(workload);
  requireVcpu(setting, from, 'workload.from');
  requireVcpu(setting, to, 'workload.to');
  if (from === to) throw new InputError('workload.to', 'is the sender itself');
  const startsIt = event === SentEvent.bringUp;
  if (startsIt && to === 0) {
    throw new InputError('workload.to', 'is the bootstrap processor, which waits for no SIPI');
  }
  const { machine } = setting.plan;
  setting.vcpus.forEach((vcpu, number) => {
    setUnitTestHandlers(vcpu);
    setHandler(vcpu.guestInterrupts, 2, guestNmiHandler.entry);
    setHandler(vcpu.guestInterrupts, smiHandler, guestSmiHandler.entry);
    setHandler(vcpu.guestInterrupts, startUpHandler, startSecondary.entry);
    if (number === from) Object.assign(startGuest(machine, vcpu, eventLoop), { target: to, iterations: total, event });
    else if (number === to && startsIt) vcpu.mpState = MpState.uninitialized;
    else startGuest(machine, vcpu, idle === 'hlt' ? haltLoop : busyLoop);
  });
}

/** NMIs from one virtual CPU to another: from the ICR write until the sender sees that the handler has run. */
export const nmi = workloadKind({
  schema: v.strictObject({
    kind: v.literal('nmi'),
    ...ends,
    targetIdle: v.optional(v.picklist(['loop', 'hlt']), 'loop'),
    ...measured,
  }),
  start(workload, setting) {
    start(setting, workload, SentEvent.nmi, workload.targetIdle);
  },
  measuredBy: ({ from }) => from,
});

/** SMIs from one virtual CPU to another: from the ICR write until the sender sees that the handler has run, in the target's system-management mode. */
export const smi = workloadKind({
  schema: v.strictObject({
    kind: v.literal('smi'),
    ...ends,
    targetIdle: v.optional(v.picklist(['loop', 'hlt']), 'loop'),
    ...measured,
  }),
  start(workload, setting) {
    start(setting, workload, SentEvent.smi, workload.targetIdle);
  },
  measuredBy: ({ from }) => from,
});

/** A processor started by INIT, SIPI, SIPI, as Linux does: until it says that it is online. Again and again: INIT stops it each time. */
export const bringUp = workloadKind({
  schema: v.strictObject({ kind: v.literal('bring-up'), ...ends, ...measured }),
  start(workload, setting) {
    start(setting, workload, SentEvent.bringUp, 'loop');
  },
  measuredBy: ({ from }) => from,
});
