import { describe, expect, it } from 'vitest';
import {
  type BoundaryEvent,
  eventPriority,
  isBlocked,
  nextEvent,
  Primary,
  type VirtualProcessor,
} from '../../src/arch/index.js';
import { guest } from './guest.js';
import { rule } from './rules/rule.js';

/** A guest in which nothing is blocked; `windows` opens NMI and interrupt window, otherwise a virtual interrupt is recognized. */
function open(windows: boolean): VirtualProcessor {
  const p = guest('externalInterruptExiting');
  if (windows) p.vmcs.primaryControls |= Primary.interruptWindowExiting | Primary.nmiWindowExiting;
  p.recognized = 1;
  return p;
}

/** `event` comes before all that follow it in the list. */
function first(event: BoundaryEvent): void {
  const index = eventPriority.indexOf(event);
  const later = eventPriority.slice(index);
  const p = open(event !== 'virtual-interrupt' && event !== 'external-interrupt');
  if (index > eventPriority.indexOf('nmi-window')) p.vmcs.primaryControls &= ~Primary.nmiWindowExiting;
  if (event === 'external-interrupt') p.recognized = 0;
  expect(nextEvent(p, later)).toBe(event);
  // In whatever order they are listed.
  expect(nextEvent(p, [...later].reverse())).toBe(event);
}

describe('priority of events at an instruction boundary', () => {
  rule('14 APIC-write emulation', () => first('apic-write-emulation'));
  rule('14 TPR below threshold', () => first('tpr-below-threshold'));
  rule('14 SMI', () => first('smi'));
  rule('14 INIT', () => first('init'));
  rule('14 MTF', () => first('mtf'));
  rule('14 debug trap', () => first('debug-trap'));
  rule('14 preemption timer', () => first('preemption-timer'));
  rule('14 NMI window', () => first('nmi-window'));
  rule('14 NMI', () => first('nmi'));
  rule('14 guest timer', () => first('guest-timer'));
  rule('14 interrupt window', () => first('interrupt-window'));
  rule('14 virtual interrupt', () => first('virtual-interrupt'));
  rule('14 external interrupt', () => {
    first('external-interrupt');
    const p = open(false);
    p.interruptFlag = 0;
    expect(nextEvent(p, ['external-interrupt'])).toBe('external-interrupt');
  });

  it('is this list', () => {
    expect(eventPriority).toEqual([
      'apic-write-emulation',
      'tpr-below-threshold',
      'smi',
      'init',
      'mtf',
      'debug-trap',
      'preemption-timer',
      'nmi-window',
      'nmi',
      'guest-timer',
      'interrupt-window',
      'virtual-interrupt',
      'external-interrupt',
    ]);
  });

  it('nothing comes if nothing is there', () => {
    const p = guest();
    expect(nextEvent(p, [])).toBeUndefined();
  });
});

describe('what holds events up', () => {
  /** The events that are blocked, of those that `open` lets through. */
  function blocked(change: Partial<VirtualProcessor>, windows = false): BoundaryEvent[] {
    const before = open(windows);
    const after = { ...before, ...change };
    return eventPriority.filter((event) => !isBlocked(before, event) && isBlocked(after, event));
  }

  it('the activity state', () => {
    expect(blocked({ activity: 1 })).toEqual([]);
    expect(blocked({ activity: 2 })).toEqual([
      'tpr-below-threshold',
      'mtf',
      'guest-timer',
      'virtual-interrupt',
      'external-interrupt',
    ]);
    expect(blocked({ activity: 2 }, true)).not.toContain('nmi-window');
    expect(blocked({ activity: 2 }, true)).toContain('interrupt-window');
    expect(blocked({ activity: 3 }, true)).toEqual([
      'tpr-below-threshold',
      'smi',
      'init',
      'mtf',
      'preemption-timer',
      'nmi-window',
      'nmi',
      'guest-timer',
      'interrupt-window',
      'external-interrupt',
    ]);
  });

  it('blocking by STI, MOV SS, SMI and NMI', () => {
    expect(blocked({ interruptibility: 1 })).toEqual(['virtual-interrupt', 'external-interrupt']);
    expect(blocked({ interruptibility: 1 }, true)).toEqual(['nmi-window', 'interrupt-window', 'external-interrupt']);
    expect(blocked({ interruptibility: 2 }, true)).toEqual([
      'nmi-window',
      'nmi',
      'interrupt-window',
      'external-interrupt',
    ]);
    expect(blocked({ interruptibility: 4 }, true)).toEqual(['smi']);
    expect(blocked({ interruptibility: 8 }, true)).toEqual(['nmi-window', 'nmi']);
    const virtualNmis = guest('virtualNmis');
    virtualNmis.interruptibility = 8;
    expect(isBlocked(virtualNmis, 'nmi')).toBe(false);
  });

  it('RFLAGS.IF', () => {
    expect(blocked({ interruptFlag: 0 })).toEqual(['virtual-interrupt']);
    expect(blocked({ interruptFlag: 0 }, true)).toEqual(['interrupt-window']);
    const delivered = guest();
    delivered.interruptFlag = 0;
    expect(isBlocked(delivered, 'external-interrupt')).toBe(true);
    delivered.interruptFlag = 1;
    expect(isBlocked(delivered, 'external-interrupt')).toBe(false);
  });

  it('controls and recognition', () => {
    const p = guest();
    expect([isBlocked(p, 'nmi-window'), isBlocked(p, 'interrupt-window'), isBlocked(p, 'virtual-interrupt')]).toEqual([
      true,
      true,
      true,
    ]);
    const both = guest('interruptWindowExiting');
    both.recognized = 1;
    expect([isBlocked(both, 'interrupt-window'), isBlocked(both, 'virtual-interrupt')]).toEqual([false, true]);
  });
});
