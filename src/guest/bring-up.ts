import { call } from '../engine/frames.js';
import { shared } from '../engine/routine.js';
import { rsm } from '../hardware/instructions.js';
import { iretFromNmi } from '../hardware/virtual-interrupt-delivery.js';
import { apicIcrWrite } from './apic-driver.js';
import { countHandled, setHandled, waitForHandler } from './interrupt-handler.js';
import { guest, guestLine, guestMemory } from './machine.js';

const { program, stage, glue, until } = guest;

/** ICR values: INIT asserted and de-asserted, both level-triggered; start-up with vector 8 (at 8000H); NMI. */
const initAssert = 0xc500;
const initDeassert = 0x8500;
const startUp = 0x4608;
const nmi = 0x4400;
/** SMI: its vector has to be 0. */
const smi = 0x4200;

/**
 * Starts another processor: INIT, its old de-assert, and two SIPIs, of which the second finds nobody waiting. Linux
 * `wakeup_secondary_cpu_via_init`.
 */
export const wakeupSecondaryCpuViaInit = program('wakeup_secondary_cpu_via_init', () => ({ target: 0 }), [
  glue('init-assert', (m, cpu, f) => apicIcrWrite(m, cpu, initAssert, f.target)),
  glue('init-deassert', (m, cpu, f) => apicIcrWrite(m, cpu, initDeassert, f.target)),
  glue('sipi', (m, cpu, f) => apicIcrWrite(m, cpu, startUp, f.target)),
  glue('sipi-again', (m, cpu, f) => apicIcrWrite(m, cpu, startUp, f.target)),
  until('wait-for-processor', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
    line: guestLine,
  }),
]);

/** What a started processor does first: says that it is there. Linux `start_secondary`. */
export const startSecondary = program('start_secondary', () => ({}), [
  stage('set_cpu_online', 'guestStores', shared, setHandled, { line: guestLine }),
  until('idle', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** Sends NMIs to another processor and waits for the handler. `count` may be more than can be pending there. */
export const sendNmis = program('send_nmis', () => ({ target: 0, count: 1, sent: 0 }), [
  glue('send', (m, cpu, f) => {
    f.sent++;
    apicIcrWrite(m, cpu, nmi, f.target);
  }),
  glue('more', (_m, _cpu, f) => (f.sent < f.count ? 'send' : undefined), { to: ['send'] }),
  waitForHandler,
]);

/** Sends an SMI to another processor and waits for the handler. */
export const sendSmi = program('send_smi', () => ({ target: 0 }), [
  glue('send', (m, cpu, f) => apicIcrWrite(m, cpu, smi, f.target)),
  waitForHandler,
]);

/** An SMI handler that counts, as firmware might. */
export const guestSmiHandler = program('guest_smi', () => ({}), [
  countHandled,
  glue('rsm', (m, cpu) => {
    call(m, cpu, rsm);
  }),
]);

/** An NMI handler that counts. Linux `exc_nmi`. */
export const guestNmiHandler = program('guest_nmi', () => ({}), [
  countHandled,
  stage('iretq', 'iret', shared, (m, cpu) => iretFromNmi(m, cpu)),
]);
