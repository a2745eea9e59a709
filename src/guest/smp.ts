import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import { hlt } from '../hardware/instructions.js';
import { Record } from '../hardware/records.js';
import { apicIcrWrite } from './apic-driver.js';
import { eoi, iretq, saveRegisters } from './interrupt-handler.js';
import { addressOfCpu } from './logical-mode.js';
import { guest, guestLine, guestMemory } from './machine.js';

const { program, stage, glue, until } = guest;

/** kvm-unit-tests `IPI_VECTOR`. */
export const ipiVector = 0x20;
/** APIC_INT_ASSERT | APIC_DM_FIXED | IPI_VECTOR. */
const ipiIcr = 0x4000 | ipiVector;

/** Runs a function on another processor, with what `ipiData` holds, and waits for it. kvm-unit-tests `lib/x86/smp.c`, `on_cpu`. */
export const onCpu = program('on_cpu', () => ({ target: 0 }), [
  stage(
    'spin_lock',
    'guestAtomic',
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).ipiLock = 1;
    },
    { line: guestLine },
  ),
  stage(
    'atomic_inc-active_cpus',
    'guestAtomic',
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).activeCpus++;
    },
    { line: guestLine },
  ),
  stage(
    'store-function',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.ipiDone = 0;
      memory.ipiFunction = 1;
      memory.ipiWait = 1;
    },
    { line: guestLine },
  ),
  glue('apic_icr_write', (m, cpu, f) => {
    const { mode, destination } = addressOfCpu(m, cpu, f.target);
    apicIcrWrite(m, cpu, ipiIcr | mode, destination);
  }),
  until('spin-on-ipi_done', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).ipiDone === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).doneChannel,
    line: guestLine,
  }),
  stage(
    'spin_unlock',
    'guestStores',
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).ipiLock = 0;
    },
    { line: guestLine },
  ),
]);

/** The handler of `IPI_VECTOR`: runs the function, says so, then writes EOI. kvm-unit-tests `ipi_entry`, `ipi`. */
export const ipiEntry = program('ipi_entry', () => ({}), [
  saveRegisters,
  stage('load-function', 'guestLoads', shared, () => {}, { line: guestLine }),
  stage('function', 'guestCall', local, (m, cpu) => {
    observe(m, Record.callArrived, cpu.vcpu, guestMemory(m, cpu).ipiData);
  }),
  stage(
    'atomic_dec-active_cpus',
    'guestAtomic',
    shared,
    (m, cpu) => {
      guestMemory(m, cpu).activeCpus--;
    },
    { line: guestLine },
  ),
  stage(
    'store-ipi_done',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.ipiDone = 1;
      notify(m, memory.doneChannel);
    },
    { line: guestLine },
  ),
  eoi,
  iretq,
]);

/**
 * What the other processors do: nothing, in a loop, without halting (the loop that the IPI-virtualization series put in place of
 * HLT).
 */
export const busyLoop = program('busy_loop', () => ({}), [
  until('pause', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** What the other processors of kvm-unit-tests do between functions: HLT with interrupts enabled, again and again. */
export const haltLoop = program('halt_loop', () => ({}), [
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('jmp', 'guestLoop', local, () => 'hlt', { to: ['hlt'] }),
]);
