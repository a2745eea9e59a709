import { decodeIcr, Shorthand } from '../arch/icr.js';
import { exitReasonName } from '../observe/exit-reason-name.js';
import { parseMachine } from '../scenarios/schema.js';
import { type CaseEvent, type CaseResult, type InterruptCase, runCase } from './laws/case.js';
import type { GuestOperation, HostOperation } from './laws/operations.js';

const hex = (value: number): string => `${value.toString(16).toUpperCase()}H`;
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const modeNames = [
  '',
  'lowest-priority ',
  'SMI ',
  'reserved-mode ',
  'NMI ',
  'INIT ',
  'start-up ',
  'reserved-mode ',
] as const;

/** What an ICR value says, for people: `31H to APIC 2`, `lowest-priority 61H to logical 00010003H`, `31H to all but itself`. */
export function icrStory(icr: number, destination: number): string {
  const { vector, deliveryMode, destinationMode, shorthand } = decodeIcr(icr, destination, true);
  const what = `${modeNames[deliveryMode]}${deliveryMode === 4 ? '' : hex(vector)}`.trim();
  if (shorthand === Shorthand.self) return `${what} to itself`;
  if (shorthand === Shorthand.allIncludingSelf) return `${what} to all and itself`;
  if (shorthand === Shorthand.allExcludingSelf) return `${what} to all but itself`;
  return destinationMode === 1 ? `${what} to logical ${hex(destination)}` : `${what} to APIC ${destination}`;
}

/** One operation of a guest, as a sentence without its subject: `sends 31H to APIC 2`. */
export function operationStory(operation: GuestOperation): string {
  switch (operation.op) {
    case 'send':
      return `sends ${icrStory(operation.icr, operation.destination)}`;
    case 'self-ipi':
      return `sends ${hex(operation.vector)} to itself`;
    case 'tpr':
      return `sets its task priority to ${operation.priority}`;
    case 'pv-send':
      return `asks KVM to send ${hex(operation.icr)} to the APIC IDs from ${operation.min} on of ${hex(operation.mask)}`;
    case 'hv-send':
      return `asks Hyper-V to send ${hex(operation.vector)} to ${operation.all ? 'all' : `the processors of ${hex(operation.mask)}`}`;
    case 'read-tpr':
      return 'reads its task priority';
    case 'write':
      return `writes ${hex(operation.value)} to its APIC register ${hex(operation.offset)}`;
    case 'read':
      return `reads its APIC register ${hex(operation.offset)}`;
    case 'eoi':
      return 'writes EOI';
    case 'iret':
      return 'returns from its handler';
    case 'cli':
      return 'disables interrupts';
    case 'sti':
      return 'enables interrupts';
    case 'hlt':
      return 'halts';
    case 'sti-hlt':
      return 'enables interrupts and halts';
    case 'timer':
      return `sets its timer ${plural(operation.cycles, 'cycle')} ahead`;
    case 'disarm':
      return 'disarms its timer';
    case 'hv-eoi':
      return 'writes EOI by the MSR of Hyper-V';
    case 'quiet':
      return `quiets the device of line ${operation.line}`;
    case 'work':
      return `computes for ${plural(operation.cycles, 'cycle')}`;
    default:
      return `executes ${operation.op.toUpperCase()}`;
  }
}

/** One operation of the host, as a sentence with its subject: `a device's interrupt 31H is posted to vCPU 1`. */
export function hostOperationStory(operation: HostOperation): string {
  switch (operation.op) {
    case 'message':
      return `a device sends ${icrStory(operation.icr, operation.destination)}`;
    case 'post':
      return `the IOMMU posts a device's ${hex(operation.vector)} to vCPU ${operation.vcpu}`;
    case 'set-msi':
      return `a guest has an assigned device send ${icrStory(operation.icr, operation.destination)}`;
    case 'msi':
      return 'the assigned device sends its message';
    case 'inhibit':
      return 'APICv is inhibited';
    case 'allow':
      return 'APICv is allowed again';
    case 'preempt':
      return `the scheduler interrupts processor ${operation.processor}`;
    case 'raise':
      return `a device raises line ${operation.line}: level-triggered ${hex(0xd0 + operation.line)}`;
    case 'route':
      return `the guest has line ${operation.line} go to its virtual CPU ${operation.vcpu}`;
    case 'mask':
      return `a guest masks line ${operation.line}`;
    case 'unmask':
      return `a guest lets line ${operation.line} through again`;
    case 'hold':
      return `a device raises line ${operation.line} and keeps it up`;
    case 'attach':
      return 'a device is attached';
    case 'pause':
      return 'user space stops the virtual CPUs';
    case 'work':
      return `the host computes for ${plural(operation.cycles, 'cycle')}`;
  }
}

function eventStory(input: InterruptCase, { vcpu, what, detail }: CaseEvent): string | undefined {
  if (vcpu < 0) {
    const operation = input.host?.[detail];
    return what === 'begins' && operation !== undefined ? hostOperationStory(operation) : undefined;
  }
  const who = `vCPU ${vcpu}`;
  switch (what) {
    case 'begins': {
      const operation = input.programs[vcpu]?.[detail];
      return operation === undefined ? undefined : `${who} ${operationStory(operation)}`;
    }
    case 'takes':
      return detail === 2 ? `${who} takes an NMI` : `${who} takes ${hex(detail)}`;
    case 'eoi':
      return `${who} ends it`;
    case 'reads':
      return `${who} finds ${hex(detail)}`;
    case 'exits':
      return `${who} exits: ${exitReasonName(detail)}`;
    case 'through':
      return `${who} is through: lets everything in and halts`;
    default:
      return undefined;
  }
}

function machineStory(input: InterruptCase): string {
  const { vms, host, topology } = parseMachine(input.machine);
  const processors = topology.sockets * topology.coresPerSocket * topology.threadsPerCore;
  const machines = vms.map(({ vcpus, apicMode, features, pinning }) => {
    const how =
      features.apicv === false ? 'no APICv' : features.ipiVirtualization === false ? 'no IPI virtualization' : '';
    return [plural(vcpus, 'vCPU'), apicMode, how, pinning === 'float' ? 'floating' : '']
      .filter((part) => part !== '')
      .join(', ');
  });
  return `${plural(processors, 'processor')}, Linux ${host.kernel}; ${machines.map((text, i) => `VM ${i}: ${text}`).join('; ')}`;
}

/**
 * A case and what became of it, told in sentences: who did what, in order; what did not hold; how to see it again. What properties over
 * `arbitraries(fc).interruptCase()` print as their counterexample.
 *
 * @param input - a case
 * @param result - what {@link runCase} returned for it; it is run if not given
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { story } from 'vmx-apic/testing';
 *
 * const text = story({
 *   machine: { vms: [{ vcpus: 2 }] },
 *   programs: [[{ op: 'send', icr: 0x4031, destination: 1 }], [{ op: 'hlt' }]],
 *   schedule: { kind: 'switches', at: [] },
 * });
 * assert.match(text, /vCPU 0 sends 31H to APIC 1/);
 * assert.match(text, /vCPU 1 takes 31H/);
 * ```
 */
export function story(input: InterruptCase, result: CaseResult = runCase(input)): string {
  const lines = [machineStory(input)];
  let number = 0;
  for (const event of result.events) {
    const told = eventStory(input, event);
    if (told !== undefined) lines.push(`${String(++number).padStart(3)}. ${told}`);
  }
  // Of what goes on for ever the beginning and the end will do.
  if (lines.length > 140) lines.splice(101, lines.length - 121, `  … ${lines.length - 121} more …`);
  for (const { law, message } of result.broken) lines.push(`${law.toUpperCase()}: ${message}`);
  lines.push(`again: runCase(${JSON.stringify(input)})`);
  const { schedule } = result;
  if (schedule !== undefined && input.schedule.kind !== 'replay') {
    const shown = schedule.length > 600 ? `${schedule.slice(0, 600)} …` : schedule;
    lines.push(`schedule: ${shown}`);
  }
  return lines.join('\n');
}

/** A case whose laws did not hold; the message is its {@link story}. */
export class BrokenCaseError extends Error {
  override readonly name = 'BrokenCaseError';

  constructor(input: InterruptCase, result: CaseResult) {
    super(story(input, result));
  }
}

/**
 * Runs a case and throws a {@link BrokenCaseError} that tells the story if any law did not hold.
 *
 * @returns what {@link runCase} returned
 */
export function checkCase(input: InterruptCase, options: Parameters<typeof runCase>[1] = {}): CaseResult {
  const result = runCase(input, options);
  if (result.broken.length > 0) throw new BrokenCaseError(input, result);
  return result;
}
