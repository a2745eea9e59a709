import { ApicMode } from '../apic-mode.js';
import { completed, generalProtection, passthrough } from '../outcome.js';
import { loadWord } from '../virtual-apic-page.js';
import { ApicError, recordError } from './errors.js';
import type { LocalApic } from './local-apic.js';
import { type LocalApicOutcome, undefinedData } from './outcome.js';
import { arbitrationPriority } from './priority.js';
import { registerAt } from './register-map.js';
import { writeRegister } from './register-write.js';
import { currentCount } from './timer.js';

function value(apic: LocalApic, offset: number, now: number): number {
  if (offset === 0x090) return arbitrationPriority(apic.registers);
  if (offset === 0x390) return currentCount(apic, now);
  return loadWord(apic.registers, offset);
}

/**
 * A 32-bit read of the memory-mapped registers.
 *
 * @param offset - page offset, a multiple of 16; other accesses are undefined.
 * @param now - ticks of the timer's input clock.
 * @returns `data`; `undefined-data` where no register is (recorded as an error); `passthrough` if the APIC is not in xAPIC
 * mode: ordinary memory. Write-only registers read as 0.
 */
export function readXapic(apic: LocalApic, offset: number, now = 0): LocalApicOutcome {
  if (apic.mode !== ApicMode.xapic) return passthrough;
  const register = registerAt(offset);
  if (register?.xapic === undefined || offset > 0x3ff) {
    recordError(apic, ApicError.illegalRegisterAddress);
    return undefinedData;
  }
  return { kind: 'data', low: register.xapic === 'WO' ? 0 : value(apic, offset, now), high: 0 };
}

/**
 * A 32-bit write to the memory-mapped registers. Writes of read-only registers and of reserved bits are ignored.
 *
 * @param offset - page offset, a multiple of 16; other accesses are undefined.
 * @param value - 32 bits.
 * @param now - ticks of the timer's input clock.
 * @returns `completed`, `ipi` or `eoi-broadcast`; `passthrough` if the APIC is not in xAPIC mode.
 */
export function writeXapic(apic: LocalApic, offset: number, value: number, now = 0): LocalApicOutcome {
  if (apic.mode !== ApicMode.xapic) return passthrough;
  const register = registerAt(offset);
  if (register?.xapic === undefined || offset > 0x3ff) {
    recordError(apic, ApicError.illegalRegisterAddress);
    return completed;
  }
  return register.xapic === 'RO' ? completed : writeRegister(apic, register, value, 0, now);
}

/**
 * RDMSR of an x2APIC register. SDM vol. 3A, "x2APIC Register Address Space".
 *
 * @param msr - 800H-8FFH (and up to BFFH, where no register is).
 * @param now - ticks of the timer's input clock.
 * @returns `data`, or #GP(0) outside x2APIC mode, for MSRs without a register and for write-only ones.
 */
export function readX2apic(apic: LocalApic, msr: number, now = 0): LocalApicOutcome {
  const offset = (msr - 0x800) << 4;
  const register = offset < 0x400 ? registerAt(offset) : undefined;
  if (apic.mode !== ApicMode.x2apic || register?.x2apic === undefined || register.x2apic === 'WO') {
    return generalProtection;
  }
  const high = offset === 0x300 ? apic.registers.icr64High : 0;
  return { kind: 'data', low: value(apic, offset, now), high };
}

/**
 * WRMSR of an x2APIC register.
 *
 * @param msr - 800H-8FFH (and up to BFFH, where no register is).
 * @param low - EAX.
 * @param high - EDX; must be 0 but for the ICR.
 * @param now - ticks of the timer's input clock.
 * @returns `completed`, `ipi` or `eoi-broadcast`, or #GP(0) outside x2APIC mode, for MSRs without a register, for read-only ones
 * and for reserved bits.
 */
export function writeX2apic(apic: LocalApic, msr: number, low: number, high: number, now = 0): LocalApicOutcome {
  const offset = (msr - 0x800) << 4;
  const register = offset < 0x400 ? registerAt(offset) : undefined;
  if (apic.mode !== ApicMode.x2apic || register?.x2apic === undefined || register.x2apic === 'RO') {
    return generalProtection;
  }
  const reserved = ~(register.writable | (register.readOnly ?? 0));
  if ((low & reserved) !== 0 || (high !== 0 && offset !== 0x300)) return generalProtection;
  return writeRegister(apic, register, low, high, now);
}
