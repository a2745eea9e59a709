import { DeliveryMode } from '../icr.js';
import { type Acceptance, acceptInterrupt } from './interrupt-message.js';
import type { LocalApic } from './local-apic.js';
import { type LvtRegister, lvtMasked, lvtRemoteIrr } from './lvt.js';

/**
 * A local source fires: its LVT entry says what comes of it. Nothing does while it is masked, or, for a level-triggered pin, while
 * its last interrupt has not ended (remote IRR). A performance-counter interrupt masks its entry. SDM vol. 3A, "Local Vector Table".
 *
 * @returns what the core gets, as for a message.
 */
export function raiseLvt(apic: LocalApic, source: LvtRegister): Acceptance {
  const { registers } = apic;
  const entry = registers[source];
  if ((entry & lvtMasked) !== 0) return 'none';
  const mode = (entry >>> 8) & 7;
  // Only LINT0 can be level-triggered, and only in fixed mode; LINT1 is always edge.
  const level = source === 'lvtLint0' && mode === DeliveryMode.fixed ? (entry >>> 15) & 1 : 0;
  if (level === 1) {
    if ((entry & lvtRemoteIrr) !== 0) return 'none';
    registers.lvtLint0 = (entry | lvtRemoteIrr) >>> 0;
  }
  if (source === 'lvtPerformance') registers.lvtPerformance = (entry | lvtMasked) >>> 0;
  return acceptInterrupt(apic, entry & 0xff, mode, level);
}

/** The armed TSC deadline has come: it disarms, and the timer's LVT entry is raised. SDM vol. 3A, "TSC-Deadline Mode". */
export function expireTscDeadline(apic: LocalApic): Acceptance {
  apic.tscDeadline = [0, 0];
  return raiseLvt(apic, 'lvtTimer');
}
