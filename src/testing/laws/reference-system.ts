import { ApicMode } from '../../arch/apic-mode.js';
import { setBit } from '../../arch/bits256.js';
import { matchesDestination, x2apicLdr } from '../../arch/destination.js';
import { DeliveryMode, icrDeliveryMode, icrDestinationMode } from '../../arch/icr.js';
import { deliverMessage } from '../../arch/local-apic/interrupt-message.js';
import { createLocalApic, isSoftwareEnabled, type LocalApic } from '../../arch/local-apic/local-apic.js';
import { TimerMode, timerMode } from '../../arch/local-apic/lvt.js';
import type { LocalApicOutcome } from '../../arch/local-apic/outcome.js';
import { acknowledgeInterrupt } from '../../arch/local-apic/priority.js';
import { readX2apic, readXapic, writeX2apic, writeXapic } from '../../arch/local-apic/register-access.js';
import type { ApicSystem, OperationResult, Taken } from './apic-system.js';
import type { GuestOperation } from './operations.js';

/** -EINVAL, as KVM's hypercalls return it; HV_STATUS_INVALID_HYPERCALL_INPUT. */
const invalidCall = 0xffff_ffea;
const invalidInput = 3;

/** A CPU of the reference. */
export interface ReferenceCpu {
  readonly apic: LocalApic;
  /** RFLAGS.IF. */
  interruptFlag: boolean;
  halted: boolean;
  /** Handlers that it is in. */
  handlers: number;
}

/** How a system begins: every APIC enabled by software, timer vector {@link ReferenceSetting.timerVector}, in xAPIC mode flat logical IDs. */
export interface ReferenceSetting {
  /** CPUs, 1 to 8. */
  readonly cpus: number;
  readonly apicMode: 'xapic' | 'x2apic';
  /** Vector of the timers, which are in TSC-deadline mode; ECH by default. */
  readonly timerVector?: number;
}

/**
 * The CPUs that the SDM describes: local APICs and nothing between them. What any virtualization of them is compared with.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { ReferenceSystem } from 'vmx-apic/testing';
 *
 * const bare = new ReferenceSystem({ cpus: 2, apicMode: 'x2apic' });
 * bare.perform(1, { op: 'tpr', priority: 4 });
 * assert.deepEqual(bare.perform(0, { op: 'send', icr: 0x4031, destination: 1 }).taken, []);
 * // Lowering the task priority lets it in.
 * assert.deepEqual(bare.perform(1, { op: 'tpr', priority: 0 }).taken, [{ cpu: 1, vector: 0x31 }]);
 * ```
 */
export class ReferenceSystem implements ApicSystem {
  readonly cpus: readonly ReferenceCpu[];

  constructor({ cpus, apicMode, timerVector = 0xec }: ReferenceSetting) {
    this.cpus = Array.from({ length: cpus }, (_, id) => {
      const apic = createLocalApic(id, id === 0 ? 1 : 0);
      const { registers } = apic;
      if (apicMode === 'x2apic') {
        apic.mode = ApicMode.x2apic;
        registers.id = id;
        registers.ldr = x2apicLdr(id);
      } else {
        registers.ldr = ((1 << id) << 24) >>> 0;
      }
      registers.svr = 0x1ff;
      registers.lvtTimer = 0x4_0000 | timerVector;
      return { apic, interruptFlag: true, halted: false, handlers: 0 };
    });
  }

  /**
   * True if a CPU can be told this now: it does not halt; it returns from handlers it is in; it halts only where something can wake it; and which
   * of several a lowest-priority message comes to is left to whoever delivers it.
   */
  applies(cpu: number, operation: GuestOperation): boolean {
    const of = this.cpus[cpu];
    if (of === undefined || of.halted) return false;
    if (operation.op === 'iret') return of.handlers > 0;
    if (operation.op === 'send' && icrDeliveryMode(operation.icr) === DeliveryMode.lowestPriority) {
      return this.enabledReceivers(operation.icr, operation.destination) < 2;
    }
    return operation.op !== 'hlt' || of.interruptFlag;
  }

  private enabledReceivers(icr: number, destination: number): number {
    return this.cpus.filter(
      ({ apic }) => isSoftwareEnabled(apic) && matchesDestination(apic, destination, icrDestinationMode(icr)),
    ).length;
  }

  perform(cpu: number, operation: GuestOperation): OperationResult {
    const of = this.cpus[cpu] as ReferenceCpu;
    const result = this.carryOut(cpu, of, operation);
    return { fault: false, ...result, taken: this.settle() };
  }

  private carryOut(cpu: number, of: ReferenceCpu, operation: GuestOperation): Partial<OperationResult> {
    switch (operation.op) {
      case 'send':
        if (of.apic.mode === ApicMode.xapic) this.write(cpu, of, 0x310, (operation.destination << 24) >>> 0);
        return this.write(cpu, of, 0x300, operation.icr, operation.destination);
      case 'self-ipi':
        return of.apic.mode === ApicMode.xapic
          ? this.write(cpu, of, 0x300, 0x4_4000 | operation.vector)
          : this.write(cpu, of, 0x3f0, operation.vector);
      case 'tpr':
        return this.write(cpu, of, 0x80, operation.priority << 4);
      case 'write':
        return this.write(cpu, of, operation.offset, operation.value);
      case 'eoi':
      case 'hv-eoi':
        return this.write(cpu, of, 0xb0, 0);
      case 'read':
        return this.read(of, operation.offset);
      case 'pv-send':
        return this.sendToBitmap(cpu, operation.icr, operation.min, operation.mask);
      case 'hv-send': {
        const { vector, all, mask } = operation;
        if (vector < 16) return { value: invalidInput };
        this.sendToBitmap(cpu, vector, 0, all ? 0xffff_ffff : mask);
        return { value: 0 };
      }
      case 'read-tpr':
        return { value: (of.apic.registers.tpr >>> 4) & 0xf };
      case 'timer':
        this.expire(of);
        return {};
      case 'iret':
        of.handlers--;
        of.interruptFlag = true;
        return {};
      case 'cli':
      case 'sti':
        of.interruptFlag = operation.op === 'sti';
        return {};
      case 'hlt':
      case 'sti-hlt':
        if (operation.op === 'sti-hlt') of.interruptFlag = true;
        of.halted = true;
        return {};
      default:
        return {};
    }
  }

  private write(
    cpu: number,
    { apic }: ReferenceCpu,
    offset: number,
    value: number,
    high = 0,
  ): Partial<OperationResult> {
    const outcome: LocalApicOutcome =
      apic.mode === ApicMode.xapic
        ? writeXapic(apic, offset, value)
        : writeX2apic(apic, 0x800 + (offset >>> 4), value, high);
    if (outcome.kind === 'fault') return { fault: true };
    if (outcome.kind === 'ipi') {
      deliverMessage(
        this.cpus.map((one) => one.apic),
        cpu,
        outcome.message,
      );
    }
    return {};
  }

  /** A fixed interrupt to each CPU whose bit is set; the value is how many there are. Logical mode and shorthands are errors. */
  private sendToBitmap(cpu: number, icr: number, min: number, mask: number): Partial<OperationResult> {
    if ((icr & 0xc_0800) !== 0) return { value: invalidCall };
    let value = 0;
    for (let bit = 0; bit < 32; bit++) {
      const destination = min + bit;
      if (((mask >>> bit) & 1) === 0 || destination >= this.cpus.length) continue;
      value++;
      const message = {
        vector: icr & 0xff,
        deliveryMode: 0,
        destinationMode: 0,
        destination,
        shorthand: 0,
        triggerMode: 0,
      };
      deliverMessage(
        this.cpus.map((one) => one.apic),
        cpu,
        message,
      );
    }
    return { value };
  }

  private read({ apic }: ReferenceCpu, offset: number): Partial<OperationResult> {
    const outcome = apic.mode === ApicMode.xapic ? readXapic(apic, offset) : readX2apic(apic, 0x800 + (offset >>> 4));
    if (outcome.kind === 'fault') return { fault: true };
    return outcome.kind === 'data' ? { value: outcome.low } : {};
  }

  private expire({ apic }: ReferenceCpu): void {
    const { lvtTimer, irr } = apic.registers;
    // A deadline counts in TSC-deadline mode only.
    if (timerMode(apic.registers) === TimerMode.tscDeadline && (lvtTimer & 0x1_0000) === 0 && isSoftwareEnabled(apic))
      setBit(irr, lvtTimer & 0xff);
  }

  /** Every CPU takes what it can; at rest a CPU takes one thing at most, because its handler begins with interrupts disabled. */
  private settle(): Taken[] {
    const taken: Taken[] = [];
    this.cpus.forEach((of, cpu) => {
      if (!of.interruptFlag) return;
      const vector = acknowledgeInterrupt(of.apic.registers);
      if (vector < 0) return;
      of.interruptFlag = false;
      of.halted = false;
      of.handlers++;
      taken.push({ cpu, vector });
    });
    return taken;
  }
}
