import { describe, expect, test } from 'vitest';
import { traceScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

// Kernels before 5.8 sleep on a wait queue whose lock the waker holds while it wakes (swait); later ones by rcuwait.

/** The stages of one call to a vCPU that goes to sleep at once, by processor. */
function stagesOf(kernel: '5.4' | '5.8', thinkNs: number): string[][] {
  const input: ScenarioInput = {
    profile: 'skylake-sp',
    topology: { coresPerSocket: 2 },
    host: { kernel, haltPollNs: 0, idle: 'hlt' },
    vms: [{ vcpus: 2, guestKernel: '3.10' }],
    workload: { kind: 'smp-call-function', from: 0, to: [1], thinkNs, iterations: 1 },
  };
  const [traced] = traceScenario(input);
  if (traced === undefined) throw new Error('no trace');
  const inside = traced.trace.stages.filter(({ start, end }) => start >= traced.from - 4 * thinkNs && end <= traced.to);
  return [0, 1].map((processor) => inside.filter((stage) => stage.processor === processor).map(({ stage }) => stage));
}

describe('a virtual CPU that sleeps', () => {
  test('is on a queue with a lock until 5.7: its waker wakes it with the lock held, and takes it off', () => {
    const [sender = [], target = []] = stagesOf('5.4', 100_000);
    expect(target).toContain('prepare_to_swait_exclusive.set_current_state');
    const wake = sender.indexOf('swake_up_one.wake_up_process');
    expect(wake).toBeGreaterThan(sender.indexOf('kvm_vcpu_wake_up.rcuwait_wake_up'));
    expect(sender.indexOf('try_to_wake_up.ttwu_state_match')).toBeGreaterThan(wake);
    expect(sender.indexOf('swake_up_one.list_del_init')).toBeGreaterThan(
      sender.indexOf('try_to_wake_up.ttwu_state_match'),
    );
    // Awake again it looks again, and puts itself on the queue for that: it takes itself off, with the lock.
    const awake = target.lastIndexOf('prepare_to_swait_exclusive.set_current_state');
    expect(target.indexOf('__schedule.deactivate_task')).toBeLessThan(awake);
    expect(target.indexOf('finish_swait.list_del_init', awake)).toBeGreaterThan(awake);
  });

  test('is woken without a lock since 5.8', () => {
    const [sender = [], target = []] = stagesOf('5.8', 100_000);
    expect(sender).toContain('try_to_wake_up.ttwu_state_match');
    expect([...sender, ...target].filter((stage) => stage.includes('swa'))).toEqual([]);
    expect(target).toContain('kvm_vcpu_block.finish_rcuwait');
  });

  test('that finds its interrupt by itself has to wait for its waker, who holds the lock', () => {
    const [sender = [], target = []] = stagesOf('5.4', 200);
    expect(sender).toContain('swake_up_one.wake_up_process');
    expect(target).toContain('finish_swait.raw_spin_lock');
  });
});

describe('a virtual CPU that is not in guest mode', () => {
  test('is kicked until 5.16, after it was found awake, and only woken since', () => {
    for (const [kernel, kicked] of [
      ['5.15', true],
      ['5.19', false],
    ] as const) {
      const input: ScenarioInput = {
        profile: 'skylake-sp',
        topology: { coresPerSocket: 2 },
        host: { kernel, haltPollNs: 200_000 },
        vms: [{ vcpus: 2, guestKernel: '3.10' }],
        workload: { kind: 'smp-call-function', from: 0, to: [1], iterations: 1, warmup: 40 },
      };
      const [traced] = traceScenario(input);
      const stages = traced?.trace.stages.filter(({ start }) => start >= (traced?.from ?? 0)).map(({ stage }) => stage);
      expect(stages).toContain('kvm_vcpu_wake_up.rcuwait_wake_up');
      expect(stages?.includes('kvm_vcpu_kick.kvm_arch_vcpu_should_kick')).toBe(kicked);
      expect(stages).not.toContain('kvm_vcpu_kick.smp_send_reschedule');
    }
  });
});
