import type { LogicalProcessor } from '../hardware/machine.js';

// The interrupt flag of a processor, as the host's kernel uses it. What came in between is recognised when interrupts are enabled again.

/** Linux `local_irq_disable`. */
export function localIrqDisable(processor: LogicalProcessor): undefined {
  processor.masked = 1;
}

/** Linux `local_irq_enable`. */
export function localIrqEnable(processor: LogicalProcessor): undefined {
  processor.masked = 0;
  processor.attention = 1;
}

/** Linux `local_irq_save`. */
export function localIrqSave(processor: LogicalProcessor, f: { masked: number }): undefined {
  f.masked = processor.masked;
  localIrqDisable(processor);
}

/** Linux `local_irq_restore`. */
export function localIrqRestore(processor: LogicalProcessor, f: { masked: number }): undefined {
  if (f.masked === 0) localIrqEnable(processor);
}
