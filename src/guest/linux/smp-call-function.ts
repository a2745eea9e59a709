import { call } from '../../engine/frames.js';
import { done, local, type Routine, shared } from '../../engine/routine.js';
import { cli, sti } from '../../hardware/instructions.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { cpuNumber, cpuOf, type GuestMachine, guest, linuxGuest, thisCpu } from '../machine.js';
import { calledFunctions } from './called-functions.js';
import { callIndirectly } from './clock.js';
import { csdLine, isCsdLocked, setCsdLocked } from './csd.js';
import { kvmSmpSendCallFuncIpi, sendCallFunctionSingleIpi } from './send-ipi.js';
import { CsdSlot, csdTag } from './state.js';

const { program, stage, glue, until } = guest;

/** Locks a csd and puts it on the target's queue. True if the queue was empty: then the target has to be told. Linux `llist_add`. */
function enqueue(
  machine: GuestMachine,
  processor: LogicalProcessor,
  slot: number,
  { target, wait, func, info }: { target: number; wait: number; func: number; info: number },
): boolean {
  const self = thisCpu(machine, processor);
  const { queue, wakePending } = cpuOf(machine, processor, target);
  setCsdLocked(self, slot, target, 1);
  queue.push(csdTag(cpuNumber(machine, processor), slot, wait), func, info);
  return queue.length === 3 && wakePending === 0;
}

const operands = () => ({ target: 0, wait: 1, func: 0, info: 0 });
const operandsOfMany = () => ({ target: 0, wait: 1, func: 0, info: 0, next: 0, count: 0 });

function slotOf(wait: number): number {
  return wait === 1 ? CsdSlot.stack : CsdSlot.data;
}

/**
 * Runs a function on one CPU: on its own by a call with interrupts off, on another through its queue. A caller who waits has the csd on its
 * stack; one who does not uses a per-CPU csd, and waits until the call before has left it. Linux `smp_call_function_single`,
 * `generic_exec_single`.
 */
export const smpCallFunctionSingle = program('smp_call_function_single', operands, [
  stage('get_cpu', 'guestCall', local, (m, cpu, f) => (f.target === cpuNumber(m, cpu) ? 'local_irq_save' : undefined), {
    to: ['local_irq_save'],
  }),
  until('csd_lock', 'guestCsdLock', (m, cpu, f) => !isCsdLocked(thisCpu(m, cpu), slotOf(f.wait), f.target), {
    channel: (m, cpu) => thisCpu(m, cpu).csdChannel,
    line: (m, cpu, f) => csdLine(thisCpu(m, cpu), slotOf(f.wait), f.target),
  }),
  stage(
    'llist_add',
    'guestLlistAdd',
    shared,
    (m, cpu, f) => (enqueue(m, cpu, slotOf(f.wait), f) ? undefined : 'told'),
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).queueLine, to: ['told'] },
  ),
  glue('send_call_function_single_ipi', (m, cpu, f) => {
    call(m, cpu, sendCallFunctionSingleIpi).target = f.target;
  }),
  glue('told', (_m, _cpu, f) => (f.wait === 1 ? undefined : done)),
  until('csd_lock_wait', 'guestCsdWait', (m, cpu, f) => !isCsdLocked(thisCpu(m, cpu), CsdSlot.stack, f.target), {
    channel: (m, cpu) => thisCpu(m, cpu).csdChannel,
    line: (m, cpu) => thisCpu(m, cpu).stackLine,
  }),
  glue('completed', () => done),
  stage('local_irq_save', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('function', (m, cpu, f) => {
    const called = call(m, cpu, calledFunctions[f.func] as Routine<{ caller: number; info: number }>);
    called.caller = f.target;
    called.info = f.info;
    callIndirectly(m, cpu);
  }),
  stage('local_irq_restore', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
]);

/**
 * Runs a function on all CPUs of this CPU's `mask`, which does not contain itself: locks a csd for each and puts it on the target's queue, one
 * after the other; tells those whose queue was empty, together; then, if it waits, waits for each. Linux `smp_call_function_many`.
 */
export const smpCallFunctionMany = program('smp_call_function_many', operandsOfMany, [
  stage(
    'cpumask_and',
    'guestMaskStep',
    local,
    (m, cpu, f) => {
      const { mask } = thisCpu(m, cpu);
      f.count = mask.length;
      f.target = mask[0] ?? -1;
      thisCpu(m, cpu).ipiMask = [];
      if (f.count === 0) return done;
      return f.count > 1 ? 'csd_lock' : undefined;
    },
    { to: ['csd_lock'] },
  ),
  glue('smp_call_function_single', (m, cpu, f) => {
    const single = call(m, cpu, smpCallFunctionSingle);
    single.target = f.target;
    single.wait = f.wait;
    single.func = f.func;
    single.info = f.info;
  }),
  glue('single-done', () => done),
  until('csd_lock', 'guestCsdLock', (m, cpu, f) => !isCsdLocked(thisCpu(m, cpu), CsdSlot.cfd, f.target), {
    channel: (m, cpu) => thisCpu(m, cpu).csdChannel,
    line: (m, cpu, f) => csdLine(thisCpu(m, cpu), CsdSlot.cfd, f.target),
  }),
  stage(
    'llist_add',
    'guestLlistAdd',
    shared,
    (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      if (enqueue(m, cpu, CsdSlot.cfd, f)) self.ipiMask.push(f.target);
      f.next++;
      if (f.next === f.count) return 'send_call_function_ipi_mask';
      f.target = self.mask[f.next] as number;
      return 'csd_lock';
    },
    {
      line: (m, cpu, f) => cpuOf(m, cpu, f.target).queueLine,
      to: ['csd_lock', 'send_call_function_ipi_mask'],
    },
  ),
  glue('send_call_function_ipi_mask', (m, cpu) => {
    const { ipiMask } = thisCpu(m, cpu);
    const [only] = ipiMask;
    if (only === undefined) return;
    // Newer kernels have a way of their own for one that is left over.
    if (ipiMask.length === 1 && linuxGuest(m, cpu).pollingIdleRunsCalls === 1) {
      call(m, cpu, sendCallFunctionSingleIpi).target = only;
    } else {
      call(m, cpu, kvmSmpSendCallFuncIpi);
    }
  }),
  glue('wait', (m, cpu, f) => {
    if (f.wait === 0) return done;
    f.next = 0;
    f.target = thisCpu(m, cpu).mask[0] as number;
    return undefined;
  }),
  until('csd_lock_wait', 'guestCsdWait', (m, cpu, f) => !isCsdLocked(thisCpu(m, cpu), CsdSlot.cfd, f.target), {
    channel: (m, cpu) => thisCpu(m, cpu).csdChannel,
    line: (m, cpu, f) => csdLine(thisCpu(m, cpu), CsdSlot.cfd, f.target),
  }),
  glue(
    'next',
    (m, cpu, f) => {
      f.next++;
      if (f.next === f.count) return done;
      f.target = thisCpu(m, cpu).mask[f.next] as number;
      return 'csd_lock_wait';
    },
    { to: ['csd_lock_wait'] },
  ),
]);
