import { expect, test } from 'vitest';
import { traceScenario } from '../../src/scenarios/run.js';

/** What the target did between the call and its answer, stage by stage. */
function targetStages(guestIdle: 'hlt' | 'mwait', guestKernel: '4.19' | '6.1'): string[] {
  const [traced] = traceScenario({
    vms: [{ vcpus: 2, guestIdle, guestKernel, disableExits: [guestIdle], features: { ipiVirtualization: true } }],
    workload: { kind: 'smp-call-function', thinkNs: 20_000 },
  });
  if (traced === undefined) throw new Error('nothing was traced');
  const { trace, from, to } = traced;
  return trace.stages
    .filter(({ processor, start, end }) => processor !== traced.processor && start >= from && end <= to)
    .map(({ stage }) => stage);
}

test('a processor that the guest has halted comes back first, and then takes the notification', () => {
  for (const [idle, kernel] of [
    ['hlt', '6.1'],
    // Since 5.8 the caller would see that the target polls its flag, and send nothing.
    ['mwait', '4.19'],
  ] as const) {
    const stages = targetStages(idle, kernel);
    expect(stages.indexOf('leave-guest-halt.leave-c-state')).toBe(0);
    expect(stages.filter((name) => name === 'leave-guest-halt.leave-c-state')).toHaveLength(1);
    expect(stages.indexOf('posted-interrupt-processing.acknowledge')).toBe(1);
    expect(stages).toContain('flush_smp_call_function_queue.csd_unlock');
  }
});

test('MWAIT that a store ends has the same way back', () => {
  const stages = targetStages('mwait', '6.1');
  expect(stages).not.toContain('posted-interrupt-processing.acknowledge');
  expect(stages.slice(0, 2)).toEqual(['guest:do_idle.mwait-wait', 'leave-guest-halt.leave-c-state']);
});
