import { notify } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { iret } from '../hardware/virtual-interrupt-delivery.js';
import { apicEoi } from './apic-driver.js';
import { type GuestMachine, guest, guestLine, guestMemory } from './machine.js';

const { stage, glue, until } = guest;

// What guests' handlers begin and end with, and how a program learns that its own has run.

/** What every handler begins with. */
export const saveRegisters = stage('save-registers', 'guestHandlerEntry', local, () => {});

/** The end of the interrupt in service. */
export const eoi = glue('eoi', (m, cpu) => {
  apicEoi(m, cpu);
});

/** Back to what was interrupted. */
export const iretq = stage('iretq', 'iret', shared, (m, cpu) => {
  iret(m, cpu);
});

function setCount(machine: GuestMachine, processor: LogicalProcessor, count: number): undefined {
  const memory = guestMemory(machine, processor);
  memory.handled = count;
  notify(machine, memory.handledChannel);
}

/** Says that a handler has run. */
export function setHandled(machine: GuestMachine, processor: LogicalProcessor): undefined {
  setCount(machine, processor, 1);
}

/** A handler's stage that counts how often it has run. */
export const countHandled = stage(
  'count',
  'guestStores',
  shared,
  (m, cpu) => setCount(m, cpu, guestMemory(m, cpu).handled + 1),
  { line: guestLine },
);

/** Waits for a handler in a loop. */
export const waitForHandler = until('wait', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).handled > 0, {
  channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
  line: guestLine,
});
