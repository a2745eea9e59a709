import { describe, expect, test } from 'vitest';
import type { MachineInput } from '../../../src/scenarios/schema.js';
import { of, oneIteration } from './one-iteration.js';

// What one iteration of each workload is: the guests' own stages in order, on each virtual CPU, and (*) where a cache line comes from another
// processor. Without exits, so that nothing of the host comes between.

const quick = { topology: { coresPerSocket: 4 } } as const;

function steps(vms: NonNullable<MachineInput['vms']>[number], workload: MachineInput['workload']): string[] {
  return oneIteration({ ...quick, vms: [vms], ...(workload === undefined ? {} : { workload }) });
}

/** An interrupt that a CPU gets while it idles ends its idle time, and begins it again; the way out may reach into the next iteration. */
const enters = (routine: string): string[] => [
  `${routine}.irq_enter`,
  'guest:ktime_get.rdtsc_ordered',
  'guest:tick_irq_enter.tick_nohz_stop_idle',
];
const wayOut = /\.(irq_exit|iretq|tick_nohz_start_idle)$/;

/** The steps of an interrupt up to its way out. */
function handled(steps: readonly string[]): string[] {
  const from = steps.findIndex((step) => step.endsWith('.irq_enter'));
  return steps.slice(from, steps.findIndex((step, index) => index > from && wayOut.test(step)) + 1);
}

/** What a target does for one function call, in its interrupt. */
const flushed = (routine: string, ...called: string[]): string[] => [
  ...enters(routine),
  'flush_smp_call_function_queue.llist_del_all *',
  'flush_smp_call_function_queue.csd *',
  ...called,
  'flush_smp_call_function_queue.csd_unlock',
  `${routine}.irq_exit`,
];

describe('smp-call-function', () => {
  test('on one: lock a csd, queue it, send, wait until it is unlocked', () => {
    const all = steps({ vcpus: 2, guestIdle: 'poll', guestKernel: '4.18' }, { kind: 'smp-call-function' });
    expect(of(all, 0)).toEqual([
      'smp_call_function_single.get_cpu',
      // Whoever waited for it has read it: the target's copy has to go.
      'smp_call_function_single.csd_lock *',
      // The target has emptied its queue the last time: the line is there.
      'smp_call_function_single.llist_add *',
      'smp_call_function_single.csd_lock_wait *',
    ]);
    expect(handled(of(all, 1))).toEqual(flushed('guest:sysvec_call_function_single', 'empty_function.run'));
  });

  test('on one, without waiting: the next call waits for the csd of the one before', () => {
    const all = steps({ vcpus: 2, guestIdle: 'poll', guestKernel: '4.18' }, { kind: 'smp-call-function', wait: false });
    expect(of(all, 0)).toEqual([
      'smp_call_function_single.get_cpu',
      // Unlocked by the target before it runs the function.
      'smp_call_function_single.csd_lock *',
      'smp_call_function_single.llist_add *',
    ]);
    const target = of(all, 1);
    expect(target).not.toContain('flush_smp_call_function_queue.csd_unlock');
    expect(target).toContain('empty_function.run');
  });

  test('on several: all csds are queued, then all are told at once, then each is waited for in turn', () => {
    const all = steps({ vcpus: 4, guestIdle: 'poll' }, { kind: 'smp-call-function', to: 'all' });
    // Its csd was read by who waited for it; to write it, the target's copy has to go.
    const one = ['smp_call_function_many.csd_lock *', 'smp_call_function_many.llist_add *'];
    expect(of(all, 0)).toEqual([
      'smp_call_function_many.cpumask_and',
      ...one,
      ...one,
      ...one,
      'native_send_call_func_ipi.cpumask_equal',
      'smp_call_function_many.csd_lock_wait *',
      'smp_call_function_many.csd_lock_wait *',
      'smp_call_function_many.csd_lock_wait *',
    ]);
    for (const target of [1, 2, 3]) {
      expect(of(all, target)).toEqual(expect.arrayContaining(flushed('sysvec_call_function', 'empty_function.run')));
    }
  });

  test('an idle task that polls: a flag in place of an interrupt, since 5.8', () => {
    const all = steps({ vcpus: 2, guestIdle: 'poll' }, { kind: 'smp-call-function', thinkNs: 20_000 });
    expect(of(all, 0)).toContain('send_call_function_single_ipi.set_nr_if_polling *');
    expect(of(all, 1)).toEqual([
      'guest:do_idle.cpu_idle_poll *',
      'guest:do_idle.current_clr_polling *',
      'guest:do_idle.flush_smp_call_function_from_idle *',
      'guest:do_idle.local_irq_save',
      'flush_smp_call_function_queue.llist_del_all',
      'flush_smp_call_function_queue.csd *',
      'empty_function.run',
      'flush_smp_call_function_queue.csd_unlock',
      'guest:do_idle.local_irq_restore',
    ]);
  });
});

describe('ipi-bench', () => {
  const row = (name: 'dry-run' | 'self' | 'normal' | 'broadcast' | 'broadcast-lock') =>
    steps({ vcpus: 3, guestIdle: 'poll', guestKernel: '4.18' }, { kind: 'ipi-bench', row: name });

  test('dry-run: nothing', () => {
    expect(of(row('dry-run'), 0)).toEqual(['bench_ipi.get_cpu']);
  });

  test('self: two clock readings and a local call, no APIC', () => {
    expect(of(row('self'), 0)).toEqual([
      'bench_ipi.get_cpu',
      'guest:ktime_get.rdtsc_ordered',
      'bench_ipi.store-time',
      'smp_call_function_single.get_cpu',
      'smp_call_function_single.local_irq_save',
      'guest:ktime_get.rdtsc_ordered',
      'handle_ipi.store-time',
      'smp_call_function_single.local_irq_restore',
      'bench_ipi.read-time',
    ]);
  });

  test('self, in a kernel with retpolines: the switch of the benchmark, the clock source and the function are behind one each', () => {
    const all = steps(
      { vcpus: 3, guestKernel: '4.18', guestMitigations: { retpoline: true } },
      { kind: 'ipi-bench', row: 'self' },
    );
    const thunk = '__x86_indirect_thunk.retpoline';
    expect(of(all, 0).filter((step) => step === thunk).length).toBe(4);
    const newer = steps(
      { vcpus: 3, guestKernel: '5.4', guestMitigations: { retpoline: true } },
      { kind: 'ipi-bench', row: 'self' },
    );
    expect(of(newer, 0).filter((step) => step === thunk).length).toBe(3);
  });

  test('normal: the function reads the clock on the target and writes to the caller', () => {
    const all = row('normal');
    expect(handled(of(all, 1))).toEqual(
      flushed('guest:sysvec_call_function_single', 'guest:ktime_get.rdtsc_ordered', 'handle_ipi.store-time *'),
    );
    expect(of(all, 0).slice(-2)).toEqual(['smp_call_function_single.csd_lock_wait *', 'bench_ipi.read-time *']);
  });

  test('broadcast-lock: each takes the lock, whose line goes from one to the next', () => {
    const all = row('broadcast-lock');
    expect(all.filter((step) => step.includes('handle_ipi_spinlock.spin_lock')).length).toBe(2);
    expect(all.filter((step) => step.includes('handle_ipi_spinlock.spin_lock *')).length).toBeGreaterThanOrEqual(1);
  });
});

test('ipi-ping-pong: a word and an IPI there, an atomic word back', () => {
  const all = steps({ vcpus: 2, guestIdle: 'poll' }, { kind: 'ipi-ping-pong' });
  expect(of(all, 0)).toEqual(['ping_loop.request *', 'ping_loop.answers *', 'ping_loop.clear *']);
  expect(handled(of(all, 1))).toEqual([
    ...enters('sysvec_ping'),
    'sysvec_ping.request *',
    'sysvec_ping.answer *',
    'sysvec_ping.irq_exit',
  ]);
});

test('request-response: each side is asleep while the other works, and is woken', () => {
  const all = steps({ vcpus: 2 }, { kind: 'request-response' });
  const awake = [
    'guest:__schedule.context_switch',
    'guest:receive.prepare_to_wait *',
    'guest:receive.condition *',
    'guest:receive.finish_wait',
  ];
  const send = [
    'guest:send.enqueue *',
    'guest:try_to_wake_up.ttwu_state_match *',
    'guest:try_to_wake_up.ttwu_do_activate *',
    'guest:try_to_wake_up.set_nr_if_polling *',
  ];
  expect(of(all, 0).slice(0, 4)).toEqual(send);
  expect(of(all, 0).slice(-4)).toEqual(awake);
  const server = of(all, 1);
  expect(server.slice(server.indexOf('guest:__schedule.context_switch')).slice(0, 9)).toEqual([
    ...awake,
    'server_loop.service',
    ...send,
  ]);
  expect(server[0]).toBe('guest:sysvec_reschedule_ipi.irq_enter');
});

test('request-response across sockets: the wake-up is left to the woken CPU, with the function calls', () => {
  const all = oneIteration({
    topology: { sockets: 2, coresPerSocket: 1 },
    vms: [{ vcpus: 2 }],
    workload: { kind: 'request-response' },
  });
  expect(of(all, 0)[2]).toBe('guest:try_to_wake_up.ttwu_queue_wakelist *');
  expect(of(all, 1)).toContain('guest:sched_ttwu_pending.ttwu_do_activate *');
  expect(of(all, 1)).toContain('guest:sysvec_call_function_single.irq_enter');
});

describe('tlb-shootdown', () => {
  test('a new generation, the own TLB, a look at who is lazy, and a function call that compares generations', () => {
    const all = steps({ vcpus: 3 }, { kind: 'tlb-shootdown' });
    expect(of(all, 0).slice(0, 6)).toEqual([
      'flush_tlb_mm_range.inc_mm_tlb_gen *',
      'flush_tlb_mm_range.get_flush_tlb_info *',
      'flush_tlb_mm_range.flush_tlb_func-local',
      'flush_tlb_mm_range.tlb_is_not_lazy *',
      'flush_tlb_mm_range.tlb_is_not_lazy *',
      'smp_call_function_many.cpumask_and',
    ]);
    for (const target of [1, 2]) {
      expect(of(all, target).map((step) => step.replace(' *', ''))).toEqual(
        expect.arrayContaining([
          'flush_tlb_func.flush_tlb_info',
          'flush_tlb_func.tlb_gen',
          'flush_tlb_func.invlpg',
          'flush_tlb_func.current',
        ]),
      );
    }
  });

  test('targets that idle are lazy: nobody is called, unless page tables are freed or the kernel does not know', () => {
    const idle = { kind: 'tlb-shootdown', targets: 'idle' } as const;
    expect(steps({ vcpus: 3 }, idle).some((step) => step.includes('sysvec'))).toBe(false);
    expect(steps({ vcpus: 3 }, { ...idle, freedTables: true }).some((step) => step.includes('sysvec'))).toBe(true);
    expect(steps({ vcpus: 3, guestKernel: '4.18' }, idle).some((step) => step.includes('sysvec'))).toBe(true);
  });
});
