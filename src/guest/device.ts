import { arm, notify, observe } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import { Record } from '../hardware/records.js';
import { iret } from '../hardware/virtual-interrupt-delivery.js';
import { apicEoi } from './apic-driver.js';
import { guest, guestLine, guestMemory } from './machine.js';

const { program, stage, glue } = guest;

/**
 * A driver's interrupt handler: with a line it reads the device's status, which takes the line back; it acknowledges, and the device raises the
 * next interrupt when it has something again. Linux (guest) `handle_edge_irq`, `handle_fasteoi_irq`.
 */
export const deviceIsr = program('device_isr', () => ({}), [
  stage('save-registers', 'guestHandlerEntry', local, () => {}),
  stage(
    'handle_irq_event',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.device.handled++;
      // From the interrupt of the device to its handler.
      observe(m, Record.iteration, memory.device.handled, 0);
      memory.handled = 1;
      notify(m, memory.handledChannel);
      return memory.device.line === 1 ? undefined : 'eoi';
    },
    { line: guestLine, to: ['eoi'] },
  ),
  stage('read-status', 'guestDeviceRead', shared, () => {}),
  glue('eoi', (m, cpu) => {
    apicEoi(m, cpu);
  }),
  stage('rearm', 'guestStores', shared, (m, cpu) => {
    const { device } = guestMemory(m, cpu);
    if (device.handled < device.total) arm(m, device.timer, device.interval);
  }),
  stage('iretq', 'iret', shared, (m, cpu) => {
    iret(m, cpu);
  }),
]);
