import { arm, observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { Record } from '../hardware/records.js';
import { eoi, iretq, saveRegisters, setHandled } from './interrupt-handler.js';
import { guest, guestLine, guestMemory } from './machine.js';

const { program, stage } = guest;

/**
 * A driver's interrupt handler: with a line it reads the device's status, which takes the line back; it acknowledges, and the device raises the
 * next interrupt when it has something again. Linux (guest) `handle_edge_irq`, `handle_fasteoi_irq`.
 */
export const deviceIsr = program('device_isr', () => ({}), [
  saveRegisters,
  stage(
    'handle_irq_event',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.device.handled++;
      // From the interrupt of the device to its handler.
      observe(m, Record.iteration, memory.device.handled, 0);
      setHandled(m, cpu);
      return memory.device.line === 1 ? undefined : 'eoi';
    },
    { line: guestLine, to: ['eoi'] },
  ),
  stage('read-status', 'guestDeviceRead', shared, () => {}),
  eoi,
  stage('rearm', 'guestStores', shared, (m, cpu) => {
    const { device } = guestMemory(m, cpu);
    if (device.handled < device.total) arm(m, device.timer, device.interval);
  }),
  iretq,
]);
