import { ExitReason } from '../arch/exit-reason.js';
import { SvmExit, svmExitBase } from '../arch/svm-exit-code.js';

const names = new Map<number, string>();
for (const [name, number] of Object.entries(ExitReason)) {
  names.set(number, name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase());
}
for (const [name, code] of Object.entries(SvmExit)) names.set(svmExitBase + code, name);

/**
 * Linux's name of a basic exit reason: `MSR_WRITE` for 32. Linux `asm/vmx.h`, without `EXIT_REASON_`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { exitReasonName } from 'vmx-apic/observe';
 *
 * assert.equal(exitReasonName(56), 'APIC_WRITE');
 * ```
 */
export function exitReasonName(reason: number): string {
  return names.get(reason) ?? `EXIT_${reason}`;
}

const known = new Set(names.values());

/** True for a name that {@link exitReasonName} gives. */
export function isExitReasonName(name: string): boolean {
  return known.has(name) || /^EXIT_\d+$/.test(name);
}
