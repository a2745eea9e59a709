import { describe, expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { shared } from '../../src/engine/routine.js';
import { guest } from '../../src/guest/machine.js';
import { rdtsc } from '../../src/hardware/instructions.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import { iret } from '../../src/hardware/virtual-interrupt-delivery.js';
import { wrmsr } from '../../src/hardware/wrmsr.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { vcpuOf } from '../../src/kvm/machine.js';
import { build, run } from './lab.js';

const { program, stage, glue } = guest;
const vector = 0xec;

/** What the handler of the timer has read, and the deadlines that were set. */
const times: { deadline: number; at: number }[] = [];

const isr = program('test_deadline_isr', () => ({}), [
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  stage('keep', 'guestStores', shared, (_m, _cpu, _f, now) => {
    const last = times.at(-1);
    if (last !== undefined) last.at = now;
  }),
  glue('eoi', (m, cpu) => {
    call(m, cpu, wrmsr).msr = 0x80b;
  }),
  stage('iretq', 'iret', shared, (m, cpu) => {
    iret(m, cpu);
  }),
]);

/** Sets deadline after deadline, each `ahead` cycles from now, and works meanwhile. */
const deadlines = program('test_deadlines', () => ({ ahead: 50_000 }), [
  glue('mode', (m, cpu) => {
    Object.assign(call(m, cpu, wrmsr), { msr: 0x832, low: 0x4_0000 | vector });
  }),
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('wrmsr', (m, cpu, f, now) => {
    times.push({ deadline: now + f.ahead, at: -1 });
    Object.assign(call(m, cpu, wrmsr), { msr: 0x6e0, low: now + f.ahead });
  }),
  stage('work', 'guestLoop', shared, () => {}, { work: (_m, _cpu, f) => 2 * f.ahead }),
  glue('again', () => 'rdtsc', { to: ['rdtsc'] }),
]);

describe.each([
  ['the VMX-preemption timer', { features: { ipiVirtualization: false } }, {}, 1],
  ['a timer of the host', { features: { ipiVirtualization: false } }, {}, 0],
  ['a timer of the host, without APICv', { features: { apicv: false } }, {}, 0],
  ['the VMX-preemption timer, before 5.3', { features: { apicv: false } }, { kernel: '4.19' }, 1],
  ['a timer of an AMD host', { features: { avic: false } }, { amd: true }, 0],
] as const)("a guest's deadline that %s keeps, and that expires in advance", (_name, vm, host, preemptionTimer) => {
  const measure = (advance: number) => {
    const { amd = false, ...kernel } = host as { amd?: boolean; kernel?: '4.19' };
    const built = build({
      ...(amd ? { profile: 'epyc' } : {}),
      host: { cStates: ['C1'], ...kernel },
      vms: [{ vcpus: 2, apicMode: 'x2apic', ...vm }],
    });
    const { machine } = built;
    for (const one of machine.vms) one.preemptionTimer = preemptionTimer;
    const vcpu = vcpuOf(machine, 0);
    vcpu.lapicTimer.advance = advance;
    setHandler(vcpu.guestInterrupts, vector, isr.entry);
    startGuest(machine, vcpu, deadlines);
    times.length = 0;
    const { records } = run(built);
    const late = times.filter(({ at }) => at >= 0).map(({ at, deadline }) => at - deadline);
    expect(late.length).toBeGreaterThan(5);
    return { late, seen: (records['wait-lapic-expire'] ?? []).map(([, cycles]) => cycles), vcpu };
  };

  test('is never before its time in the guest', () => {
    // More than it takes from the expiry to the guest.
    const { late } = measure(9000);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  });

  test('comes less and less early to KVM, until it is about right; or less and less late', () => {
    const early = measure(9000).seen;
    expect(early[0]).toBeLessThan(-1000);
    if ('kernel' in host) {
      // There, the advance is what its parameter says.
      expect(early.at(-1)).toBe(early[0]);
      return;
    }
    expect(early.at(-1)).toBeGreaterThan(early[0] as number);
    const late = measure(100).seen;
    expect(late[0]).toBeGreaterThan(100);
    expect(late.at(-1)).toBeLessThan(late[0] as number);
  });
});
