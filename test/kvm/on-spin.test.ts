import { describe, expect, test } from 'vitest';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { shared } from '../../src/engine/routine.js';
import { guest } from '../../src/guest/machine.js';
import { busyLoop } from '../../src/guest/smp.js';
import { beginPauseLoop } from '../../src/hardware/pause-loop.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { vcpuOf } from '../../src/kvm/machine.js';
import { build, type Observed, run } from './lab.js';

const { program, stage, until } = guest;

/** A guest that waits for a lock with PAUSE, and never gets it. */
const spinLoop = program('test_spin_loop', () => ({}), [
  stage('pause', 'guestLoop', shared, (m, cpu) => beginPauseLoop(m, cpu)),
  until('wait', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** Four virtual CPUs on one processor; the first spins, the others work for as long as they may. */
function spinning(lastBoosted: number, time: number, prepare: (vcpus: ReturnType<typeof vcpuOf>[]) => void = () => {}) {
  const built = build({ topology: { coresPerSocket: 1 }, vms: [{ vcpus: 4, pinning: [0, 0, 0, 0] }] });
  const { machine } = built;
  for (const vm of machine.vms) vm.lastBoosted = lastBoosted;
  machine.vcpus.forEach((vcpu, i) => {
    startGuest(machine, vcpu, i === 0 ? spinLoop : busyLoop);
  });
  prepare(machine.vcpus.map(({ id }) => vcpuOf(machine, id)));
  return { machine, ...lent(run(built, time)) };
}

/** Who came next behind each exit of the spinning one, and what came of its attempts. */
function lent({ records }: Observed) {
  const all = (records['vm-exit'] ?? []).map(([reason]) => reason);
  expect(all).toContain(ExitReason.PauseInstruction);
  const entered = (records['vm-entry'] ?? []).map(([vcpu]) => vcpu).filter((vcpu, i, list) => vcpu !== list[i - 1]);
  const to = entered.flatMap((vcpu, i) => (vcpu === 0 && i + 1 < entered.length ? [entered[i + 1]] : []));
  return { to, yields: records['directed-yield'] };
}

describe('a virtual CPU that spins lends its processor', () => {
  test.each([
    [0, 1],
    [1, 2],
    [2, 3],
    // Itself it passes over.
    [3, 1],
  ])('to the one behind the last that was lent to, which was %d', (last, expected) => {
    const { to, yields } = spinning(last, 60_000_000);
    expect(to[0]).toBe(expected);
    expect(yields?.[0]).toEqual([0, 1]);
  });

  test('and is marked as spinning until it is back, so that others do not lend to it', () => {
    const { machine } = spinning(0, 60_000);
    expect(vcpuOf(machine, 0).inSpinLoop).toBe(1);
  });

  test('not to one that spins itself, the first time; the second time it may', () => {
    const { machine, to } = spinning(0, 60_000, ([, second]) => {
      if (second !== undefined) second.inSpinLoop = 1;
    });
    expect(to).toEqual([2]);
    expect(vcpuOf(machine, 1).dyEligible).toBe(1);
    const again = spinning(0, 60_000, ([, second]) => {
      if (second !== undefined) Object.assign(second, { inSpinLoop: 1, dyEligible: 1 });
    });
    expect(again.to).toEqual([1]);
  });
});

test('alone on its processor it lends nothing, and stops counting as spinning', () => {
  const built = build({ topology: { coresPerSocket: 3 }, vms: [{ vcpus: 2 }] });
  const { machine } = built;
  startGuest(machine, vcpuOf(machine, 0), spinLoop);
  startGuest(machine, vcpuOf(machine, 1), busyLoop);
  const { exits } = run(built, 60_000);
  expect(exits[ExitReason.PauseInstruction]).toBeGreaterThan(0);
  expect(vcpuOf(machine, 0)).toMatchObject({ inSpinLoop: 0, dyEligible: 0 });
});
