import { describe, expect, test } from 'vitest';
import { setBit } from '../../src/arch/bits256.js';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { call } from '../../src/engine/frames.js';
import { observe } from '../../src/engine/requests.js';
import { shared } from '../../src/engine/routine.js';
import { guest } from '../../src/guest/machine.js';
import { busyLoop, haltLoop } from '../../src/guest/smp.js';
import { testIsr, testVector } from '../../src/guest/vmexit.js';
import { hlt } from '../../src/hardware/instructions.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import { postByIommu } from '../../src/hardware/iommu-posting.js';
import { sendPhysicalIpi } from '../../src/hardware/physical-apic.js';
import { AnnouncedBy, Record } from '../../src/hardware/records.js';
import { timerUse } from '../../src/hardware/timer-uses.js';
import { rdmsr, wrmsr } from '../../src/hardware/wrmsr.js';
import { SystemVector } from '../../src/host/machine.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { kvmVcpuWakeUp } from '../../src/kvm/kick.js';
import { HostVector, MpState, vcpuOf } from '../../src/kvm/machine.js';
import { vmxPiStartBypass } from '../../src/kvm/pi-load-put.js';
import { kvmIrqDeliveryToApic } from '../../src/kvm/send-ipi.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseScenario } from '../../src/scenarios/schema.js';
import { type Act, addHostActs } from './host-thread.js';
import { build, run } from './lab.js';

const { program, stage, glue, until } = guest;

const inject: Act = (m, cpu) => {
  Object.assign(call(m, cpu, kvmIrqDeliveryToApic), { low: 0x4000 | testVector, destination: 1 });
};
const nothing: Act = () => {};
const software = { ipiVirtualization: false };

describe('a guest that halts, and is woken every 50 microseconds', () => {
  const woken = (haltPollNs: number, kernel: '5.4' | '6.12') => {
    const built = build({ host: { cStates: ['C1'], haltPollNs, kernel }, vms: [{ features: software }] });
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), haltLoop);
    const [{ cyclesPerMicrosecond = 0 } = {}] = machine.vms;
    addHostActs(machine, Array<Act>(7).fill(inject), 50 * cyclesPerMicrosecond);
    const { records } = run(built, 500 * cyclesPerMicrosecond);
    const of = (kind: string) => records[kind]?.filter(([vcpu]) => vcpu === 1).map(([, value]) => value);
    return {
      slept: of('wakeup'),
      polls: of('halt-poll'),
      wakers: of('halt-wakeup')?.length ?? 0,
      window: vcpuOf(machine, 1).haltPoll / cyclesPerMicrosecond,
    };
  };

  test.each(['5.4', '6.12'] as const)('sleeps until the window has grown enough, and then polls (%s)', (kernel) => {
    const { slept, polls, wakers, window } = woken(200_000, kernel);
    // 0, 10, 20 and 40 microseconds are too few.
    expect(slept).toEqual([1, 1, 1, 1, 0, 0, 0]);
    // The eighth halt polls in vain.
    expect(polls?.slice(0, 14)).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect(wakers).toBe(4);
    expect(Math.round(window)).toBe(80);
  });

  test('always sleeps without halt polling', () => {
    const { slept, polls, wakers } = woken(0, '6.12');
    expect(slept).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(polls).toBeUndefined();
    expect(wakers).toBe(7);
  });
});

test('who is woken for nothing sleeps again, and its guest does not run', () => {
  const built = build({ host: { cStates: ['C1'], haltPollNs: 0 }, vms: [{ features: software }] });
  const { machine } = built;
  startGuest(machine, vcpuOf(machine, 1), haltLoop);
  // To go to sleep with its wakeup vector next time: a device that the IOMMU posts for is attached.
  addHostActs(machine, [
    (m, cpu) => {
      call(m, cpu, vmxPiStartBypass);
    },
  ]);
  const { exits, records } = run(built);
  expect(exits[ExitReason.Hlt]).toBe(1);
  expect(records['halt-wakeup']?.filter(([vcpu]) => vcpu === 1)).toHaveLength(1);
  expect(vcpuOf(machine, 1).mpState).toBe(MpState.halted);
  expect(machine.memory.descriptors[vcpuOf(machine, 1).pid]?.nv).toBe(HostVector.postedInterruptWakeup);
});

test('one notification wakes everyone who sleeps on the processor and has something posted', () => {
  const built = build({
    topology: { coresPerSocket: 3 },
    host: { cStates: ['C1'], haltPollNs: 0 },
    vms: [{ vcpus: 3, pinning: [0, 0, 0] }],
  });
  const { machine } = built;
  for (const vcpu of machine.vcpus) startGuest(machine, vcpu, haltLoop);
  addHostActs(machine, [
    nothing,
    (m) => {
      for (const id of [0, 2]) {
        const descriptor = m.memory.descriptors[vcpuOf(m, id).pid];
        observe(m, Record.posted, vcpuOf(m, id).pid, testVector);
        setBit(descriptor?.pir ?? [], testVector);
        Object.assign(descriptor ?? {}, { on: 1 });
      }
      observe(m, Record.announced, vcpuOf(m, 0).pid, AnnouncedBy.iommu);
      sendPhysicalIpi(m, 0, HostVector.postedInterruptWakeup);
    },
  ]);
  expect(run(built).delivered).toEqual({ [`0:${testVector}`]: 1, [`2:${testVector}`]: 1 });
});

test.each(Object.entries(HostVector))(
  'a notification that nobody waits for is ended at the physical APIC: %s',
  (_name, vector) => {
    const built = build({ topology: { coresPerSocket: 4 } });
    const { machine } = built;
    addHostActs(machine, [
      (m) => {
        sendPhysicalIpi(m, 3, vector);
      },
    ]);
    const { records } = run(built, 2_000_000, 'INV7-notified-exactly');
    expect(records['host-interrupt']?.filter(([which]) => which === vector)).toHaveLength(2);
    for (const { apic } of machine.processors)
      expect([...apic.isr, ...apic.irr].every((word) => word === 0)).toBe(true);
  },
);

test.each(['5.4', '5.15'] as const)(
  'who was woken for nothing, on another processor, still wakes up for a device (Linux %s)',
  (kernel) => {
    const built = build({
      topology: { coresPerSocket: 4 },
      host: { cStates: ['C1'], haltPollNs: 0, kernel },
      vms: [{ features: software }],
    });
    const { machine } = built;
    for (const vm of machine.vms) vm.bypassCount = 1;
    const vcpu = vcpuOf(machine, 1);
    startGuest(machine, vcpu, haltLoop);
    addHostActs(machine, [
      (m, cpu) => {
        const task = m.tasks[vcpu.task];
        if (task !== undefined) task.allowed = [3];
        call(m, cpu, kvmVcpuWakeUp).target = 1;
      },
      nothing,
      (m) => postByIommu(m, vcpu.pid, testVector),
    ]);
    expect(run(built).delivered).toEqual({ [`1:${testVector}`]: 1 });
    expect(vcpu.cpu).toBe(3);
  },
);

const haltOnce = program('test_halt_once', () => ({ after: 0 }), [
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('behind', 'guestStores', shared, (_m, _cpu, f) => {
    f.after = 1;
  }),
  until('work', 'guestLoop', () => false, { channel: () => -1 }),
]);

test('a guest that halts its processor itself stays halted across an exit that is none of its business', () => {
  const built = build({ vms: [{ disableExits: ['hlt'], features: software }] });
  const { machine } = built;
  const locals = startGuest(machine, vcpuOf(machine, 1), haltOnce);
  addHostActs(machine, [
    (m) => {
      sendPhysicalIpi(m, 1, SystemVector.reschedule);
    },
  ]);
  const { exits } = run(built);
  expect(exits).toEqual({ [ExitReason.ExternalInterrupt]: 1 });
  expect(locals.after).toBe(0);
});

const LVT_TIMER = 0x832;
const INITIAL_COUNT = 0x838;
const CURRENT_COUNT = 0x839;
const TSC_DEADLINE = 0x6e0;

/** Sets a deadline, halts, and works when it has been woken. */
const deadline = program('test_deadline', () => ({ at: 0, step: 0 }), [
  glue('wrmsr', (m, cpu, f) => {
    const [msr, low] = [
      [LVT_TIMER, 0x4_0000 | 0xec],
      [TSC_DEADLINE, f.at],
    ][f.step] as [number, number];
    Object.assign(call(m, cpu, wrmsr), { msr, low });
  }),
  glue('next', (_m, _cpu, f) => (++f.step < 2 ? 'wrmsr' : undefined), { to: ['wrmsr'] }),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  until('work', 'guestLoop', () => false, { channel: () => -1 }),
]);

function withDeadline(at: number, preemptionTimer: number) {
  const built = build({
    topology: { coresPerSocket: 4 },
    host: { cStates: ['C1'], haltPollNs: 0 },
    vms: [{ features: software }],
  });
  const { machine } = built;
  for (const vm of machine.vms) vm.preemptionTimer = preemptionTimer;
  const vcpu = vcpuOf(machine, 1);
  setHandler(vcpu.guestInterrupts, 0xec, testIsr.entry);
  startGuest(machine, vcpu, deadline).at = at;
  return { ...built, vcpu };
}

describe("a guest's deadline while it is halted and after", () => {
  test('is kept by the host while it sleeps, and by the VMX-preemption timer once it runs again', () => {
    const { vcpu, ...built } = withDeadline(1_500_000, 1);
    addHostActs(built.machine, [inject], 600_000);
    const { exits, delivered, records } = run(built);
    expect(delivered).toEqual({ [`1:${testVector}`]: 1, '1:236': 1 });
    expect(records['hv-timer-state']).toEqual([
      [1, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(exits[ExitReason.PreemptionTimer]).toBe(1);
    expect(exits[ExitReason.ExternalInterrupt] ?? 0).toBe(0);
    expect(vcpu.lapicTimer.hvInUse).toBe(0);
  });

  test('wakes it', () => {
    const { vcpu, ...built } = withDeadline(1_000_000, 1);
    const { delivered } = run(built);
    expect(delivered).toEqual({ '1:236': 1 });
    expect(vcpu.mpState).toBe(MpState.runnable);
  });

  test('moves with it to another processor', () => {
    const { vcpu, machine, ...built } = withDeadline(1_500_000, 0);
    const timer = timerUse(machine, vcpu.lapicTimer.hrtimer);
    // It sleeps; where it may run changes; it is woken.
    addHostActs(
      machine,
      [
        (m) => {
          expect(timer.processor).toBe(1);
          const task = m.tasks[vcpu.task];
          if (task !== undefined) task.allowed = [3];
        },
        inject,
      ],
      300_000,
    );
    const { delivered } = run({ ...built, machine });
    expect(delivered).toEqual({ [`1:${testVector}`]: 1, '1:236': 1 });
    expect(vcpu.cpu).toBe(3);
    expect(timer.processor).toBe(3);
  });
});

/** Starts a count some time after the beginning, and reads it at once. */
const counter = program('test_counter', () => ({ initial: 0, count: -1 }), [
  stage('wait', 'guestLoop', shared, () => {}, { work: () => 1_000_000 }),
  // One-shot, masked.
  glue('mode', (m, cpu) => {
    Object.assign(call(m, cpu, wrmsr), { msr: LVT_TIMER, low: 0x1_00ec });
  }),
  glue('wrmsr', (m, cpu, f) => {
    Object.assign(call(m, cpu, wrmsr), { msr: INITIAL_COUNT, low: f.initial });
  }),
  glue('rdmsr', (m, cpu) => {
    call(m, cpu, rdmsr).msr = CURRENT_COUNT;
  }),
  stage('keep', 'guestStores', shared, (_m, _cpu, f, value) => {
    f.count = value;
  }),
  until('work', 'guestLoop', () => false, { channel: () => -1 }),
]);

test('a count of the APIC timer begins when it is written', () => {
  const built = build({ vms: [{ features: software }] });
  const locals = startGuest(built.machine, vcpuOf(built.machine, 0), counter);
  locals.initial = 100_000;
  run(built);
  expect(locals.count).toBeGreaterThan(90_000);
  expect(locals.count).toBeLessThan(100_000);
});

test('the window of pause-loop exiting starts anew when a virtual CPU is switched in', () => {
  const built = build();
  const vcpu = vcpuOf(built.machine, 0);
  startGuest(built.machine, vcpu, busyLoop);
  vcpu.pleWindow = 100_000;
  run(built);
  expect(vcpu.pleWindow).toBe(4096);
});

describe('before 5.8, and before 5.17', () => {
  test('locks that handlers of interrupts take, too, are held with interrupts off', () => {
    const scenario = parseScenario({
      topology: { coresPerSocket: 2 },
      host: { kernel: '5.4', haltPollNs: 0, cStates: ['C1'] },
      vms: [{ vcpus: 2, features: { ipiVirtualization: false } }],
      workload: { kind: 'device-interrupt', path: 'posted-msi', targetIdle: 'hlt', iterations: 5, warmup: 1 },
    });
    const held = new Set([
      'prepare_to_swait_exclusive.acquire',
      'swake_up_one.wake_up_process',
      'pi_pre_block.list_add_tail',
      'pi_pre_block.cmpxchg-nv',
      '__pi_post_block.list_del',
    ]);
    const seen = new Set<string>();
    const run = createRun(scenario, 1, {
      plain: true,
      onStage: (processor, { routine, name }) => {
        const at = `${routine.name}.${name}`;
        const { masked = 0, vcpu = -1 } = run.state.machine.processors[processor] ?? {};
        if (held.has(at)) {
          seen.add(at);
          expect(masked, at).toBe(1);
        }
        if (at === 'prepare_to_swait_exclusive.acquire') expect(run.state.machine.vcpus[vcpu]?.waitLock).toBe(1);
        // Behind all of that they are on.
        if (at === 'vcpu_block.runnable') expect(masked, at).toBe(0);
      },
    });
    run.run({ time: 1e8 });
    expect(seen).toEqual(held);
  });
});
